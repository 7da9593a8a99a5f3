/** A sending link: tells when it can take a message, so that none waits inside the library, out of reach of our time-out. */
import type { OutgoingStream, OutgoingTransfer } from '@sap/xb-msg-amqp-v100';
import type { Log } from '../platform/log.ts';
import type { MeshClient } from './client.ts';
import { contained } from './containment.ts';
import { LinkSession, linkProblem, type LinkProblem } from './link-session.ts';

export interface SenderEvents {
  /** There may be room for messages (again). */
  room(): void;
  /** Ended by the peer; once. What was written and is not answered will not be. */
  gone(problem: LinkProblem): void;
}

/** The broker's word on one message. */
export type Answer =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'rejected'; readonly problem: LinkProblem }
  | { readonly kind: 'returned' };

export class SenderLink {
  readonly #session: LinkSession;
  readonly #stream: OutgoingStream;
  readonly #log: Log;
  #ready = false;
  #full = false;

  /** `address` is empty for an anonymous sender, whose messages each name their target in `to`. */
  constructor(
    client: MeshClient,
    options: { readonly name: string; readonly address: string; readonly log: Log },
    events: SenderEvents,
  ) {
    const { name, log } = options;
    this.#log = log;
    const session = new LinkSession(client, name, log, (problem) => events.gone(problem));
    this.#session = session;
    const sender = client.sender(name);
    sender.on('closed', (_own: unknown, peer: unknown) => session.fail(linkProblem(peer)));
    this.#stream = sender.attach(options.address, session.id);
    const room = contained(log, 'Going on to publish', () => {
      if (!session.over) events.room();
    });
    this.#stream.on('error', (error: unknown) => session.fail(linkProblem(error)));
    this.#stream.on('ready', () => {
      this.#ready = true;
      room();
    });
    this.#stream.on('drain', () => {
      this.#full = false;
      room();
    });
    // More credit, or more room in the peer's session window.
    client.session(session.id).on('flow', room);
  }

  /** Attached, and the broker gave credit at least once. */
  get ready(): boolean {
    return this.#ready && !this.#session.over;
  }

  get hasRoom(): boolean {
    return this.ready && !this.#full && this.#stream.credit() > 0;
  }

  /** Sends one message; `answer` is called at most once, not at all if the link ends first. */
  write(message: Pick<OutgoingTransfer, 'payload' | 'target'>, answer: (answer: Answer) => void): void {
    const tell = contained(this.#log, 'Taking a confirmation', (word: Answer) => {
      // When the stream ends, the library calls "failed" for all that is open; the reason comes with `gone`.
      if (!this.#stream.destroyed && !this.#session.over) answer(word);
    });
    const taken = this.#stream.write({
      ...message,
      done: () => tell({ kind: 'accepted' }),
      failed: (error) =>
        tell(error === null ? { kind: 'returned' } : { kind: 'rejected', problem: rejection(error) }),
    });
    this.#full = !taken;
  }

  /** Detaches; what is unanswered stays so. */
  discard(): void {
    this.#session.discard();
  }

  /** The connection is gone. */
  forget(): void {
    this.#session.forget();
  }
}

function rejection(
  error: Error & { readonly condition?: string; readonly description?: string },
): LinkProblem {
  const read = linkProblem(error);
  return error.description === undefined
    ? read
    : { ...read, text: linkProblem(new Error(error.description)).text };
}
