/** A receiving link: credit is granted by us alone, and nothing is ever rejected because the link ends. */
import type { IncomingMessage, IncomingStream } from '@sap/xb-msg-amqp-v100';
import type { Log } from '../platform/log.ts';
import type { MeshClient } from './client.ts';
import { contained } from './containment.ts';
import { LinkSession, linkProblem, type LinkProblem } from './link-session.ts';

export interface ReceiverEvents {
  attached(): void;
  message(message: IncomingMessage): void;
  /** Ended by the peer; once. */
  gone(problem: LinkProblem): void;
}

export interface ReceiverOptions {
  /** The link's name, unique on its connection. */
  readonly name: string;
  readonly address: string;
  /** Messages that may come before more credit is granted. */
  readonly credit: number;
  readonly log: Log;
}

export class ReceiverLink {
  readonly #session: LinkSession;
  readonly #stream: IncomingStream;

  constructor(client: MeshClient, options: ReceiverOptions, events: ReceiverEvents) {
    const { name, log } = options;
    const session = new LinkSession(client, name, log, (problem) => events.gone(problem));
    this.#session = session;
    const receiver = client.receiver(name);
    receiver.on('closed', (_own: unknown, peer: unknown) => session.fail(linkProblem(peer)));
    const stream = receiver.attach(options.address, session.id, options.credit);
    this.#stream = stream;
    rejectNothingAtEnd(stream);
    const unlessOver = <A extends readonly unknown[]>(what: string, action: (...args: A) => void) =>
      contained(log, what, (...args: A) => {
        if (!session.over) action(...args);
      });
    stream.on('error', (error: unknown) => session.fail(linkProblem(error)));
    stream.on(
      'subscribed',
      unlessOver('Attaching a queue', () => events.attached()),
    );
    stream.on(
      'data',
      unlessOver('Taking a delivery', (message: IncomingMessage) => events.message(message)),
    );
  }

  /** Credit that the broker still has. */
  credit(): number {
    return this.#session.over ? 0 : this.#stream.credit();
  }

  /** Sets the broker's credit to exactly this. */
  offer(credit: number): void {
    if (!this.#session.over) this.#stream.flow(credit);
  }

  /** Gives up a link that was never attached. */
  discard(): void {
    this.#session.discard();
  }

  /** The connection is gone. */
  forget(): void {
    this.#session.forget();
  }
}

/** When a link ends, the library rejects all that is unsettled on it, and a broker may dead-letter what is rejected. */
function rejectNothingAtEnd(stream: IncomingStream): void {
  const destroy = stream._destroy;
  if (destroy === undefined) return;
  stream._destroy = function withoutRejecting(this: IncomingStream, error, callback) {
    this._inTransit?.clear();
    destroy.call(this, error, callback);
  };
}
