/**
 * One client's TCP connection, with the ways in which a network fails it.
 *
 * Silence is made at the socket itself, so that it also covers WebSocket pings, and in both directions: what the
 * peer sends is kept back before anyone reads it, what we write is corked. The socket stays open. By default the
 * broker notices when the peer gives its socket up; with `deafMs` it takes that long to (a network partition).
 */
import type { Socket } from 'node:net';
import type { MeshClock, MeshTimer } from './time.ts';

/** Bytes held back from a silent peer are bounded; more than this and the connection is lost. */
const MAX_HELD_BYTES = 64 * 1_048_576;

/** Sockets read by calling `push` on themselves; an own property takes its place while the line is silent. */
type Pushable = { push?: (chunk: Buffer | null) => boolean };

export class Line {
  readonly id: string;
  readonly socket: Socket;
  readonly #clock: MeshClock;
  readonly #onGone: (line: Line) => void;
  #deafMs: number | undefined;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #silent = false;
  #farewell: MeshTimer | undefined;

  /** @param onGone called once, when the broker notices that the connection is gone. */
  constructor(id: string, socket: Socket, clock: MeshClock, onGone: (line: Line) => void) {
    this.id = id;
    this.socket = socket;
    this.#clock = clock;
    this.#onGone = onGone;
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.#closed());
  }

  get silent(): boolean {
    return this.#silent;
  }

  /** No more bytes either way; the socket stays. */
  silence(deafMs?: number): void {
    if (this.#silent || this.socket.destroyed) return;
    this.#silent = true;
    this.#deafMs = deafMs;
    this.socket.cork();
    (this.socket as Pushable).push = (chunk) => {
      if (chunk) this.#hold(chunk);
      else this.socket.destroy();
      return true;
    };
  }

  /** The network is back: what was held goes on its way, as TCP would repeat it. */
  resume(): void {
    if (!this.#silent || this.socket.destroyed) return;
    this.#silent = false;
    this.#deafMs = undefined;
    delete (this.socket as Pushable).push;
    this.socket.uncork();
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    for (const chunk of held) this.socket.push(chunk);
  }

  /** Cuts the TCP connection, and the broker knows at once. */
  drop(): void {
    this.#deafMs = undefined;
    this.socket.destroy();
    // A line whose peer went while we were deaf is waiting to be noticed.
    if (this.#farewell) this.#notice();
  }

  #hold(chunk: Buffer): void {
    this.#heldBytes += chunk.length;
    if (this.#heldBytes > MAX_HELD_BYTES) this.socket.destroy();
    else this.#held.push(chunk);
  }

  #closed(): void {
    this.#held = [];
    if (this.#deafMs === undefined) this.#onGone(this);
    else this.#farewell = this.#clock.after(this.#deafMs, () => this.#notice());
  }

  #notice(): void {
    this.#farewell?.cancel();
    this.#farewell = undefined;
    this.#onGone(this);
  }
}
