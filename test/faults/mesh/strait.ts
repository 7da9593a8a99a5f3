/**
 * The water between mesh layer and broker: all connections go through it, those for tokens too. It can keep back what the client says,
 * so that a state which otherwise lasts microseconds (Close is on its way) lasts as long as a test needs it to.
 */
import { once } from 'node:events';
import net from 'node:net';

interface Passage {
  readonly near: net.Socket;
  readonly far: net.Socket;
  readonly carries: 'amqp' | 'token';
}

/** What the sandbox answers, and the same length with a life that calls for a renewal at once. */
const LONG_LIFE = '"expires_in":3600';
const SHORT_LIFE = '"expires_in":0.10';

export class Strait {
  /** Tokens from now on: as long as the broker gives them, or so short that the connection is renewed as soon as it may be. */
  tokens: 'long' | 'short' = 'long';
  /** Requests for tokens that were under way at the same time, at most. */
  mostTokensAtATime = 0;
  readonly #server: net.Server;
  readonly #brokerPort: number;
  readonly #passages = new Set<Passage>();
  #holding = false;

  private constructor(brokerPort: number) {
    this.#brokerPort = brokerPort;
    this.#server = net.createServer((near) => {
      // A client that gives up may do so before it has said a word.
      near.on('error', () => undefined);
      near.once('data', (first) => this.#pass(near, first));
    });
  }

  static async open(brokerPort: number): Promise<Strait> {
    const strait = new Strait(brokerPort);
    strait.#server.listen(0, '127.0.0.1');
    await once(strait.#server, 'listening');
    return strait;
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  /** Connections that are still there at either end. */
  get connections(): number {
    return this.#passages.size;
  }

  /** Keeps back what the client says on connections for AMQP, from the next byte on. */
  hold(): void {
    this.#holding = true;
    for (const { near, carries } of this.#passages) if (carries === 'amqp') near.pause();
  }

  release(): void {
    this.#holding = false;
    for (const { near } of this.#passages) near.resume();
  }

  /** Cuts every connection at both ends. */
  cut(): void {
    for (const { near, far } of this.#passages) {
      near.destroy();
      far.destroy();
    }
  }

  async close(): Promise<void> {
    this.#server.close();
    this.cut();
    await once(this.#server, 'close');
  }

  #pass(near: net.Socket, first: Buffer): void {
    const far = net.connect(this.#brokerPort, '127.0.0.1');
    const passage: Passage = {
      near,
      far,
      carries: first.subarray(0, 4).equals(Buffer.from('POST')) ? 'token' : 'amqp',
    };
    this.#passages.add(passage);
    const tokens = [...this.#passages].filter(({ carries, near }) => carries === 'token' && !near.closed);
    this.mostTokensAtATime = Math.max(this.mostTokensAtATime, tokens.length);
    far.write(first);
    near.on('data', (bytes) => far.write(bytes));
    far.on('data', (bytes) => near.write(passage.carries === 'token' ? this.#withLife(bytes) : bytes));
    if (this.#holding && passage.carries === 'amqp') near.pause();
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      socket.on('error', () => undefined);
      // A paused socket would never tell of its end.
      socket.on('end', () => other.end());
      socket.on('close', () => {
        other.destroy();
        if (near.destroyed && far.destroyed) this.#passages.delete(passage);
      });
    }
  }

  #withLife(bytes: Buffer): Buffer {
    if (this.tokens === 'long') return bytes;
    return Buffer.from(bytes.toString('latin1').replace(LONG_LIFE, SHORT_LIFE), 'latin1');
  }
}
