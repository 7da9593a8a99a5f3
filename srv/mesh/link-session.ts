/**
 * Each link has a session of its own. Brokers end the session when they dislike a link (RabbitMQ does for a wrong address), which
 * must not take other links along; the library tells links nothing of it; and deliveries left unsettled by a detached link would
 * fill the session's window for good. So a session lives and dies with its link.
 */
import type { Session } from '@sap/xb-msg-amqp-v100';
import type { Log } from '../platform/log.ts';
import type { MeshClient } from './client.ts';
import { contained } from './containment.ts';
import { oneLine } from './problem.ts';

/** Why a link is gone. */
export interface LinkProblem {
  /** AMQP condition, where the peer gave one. */
  readonly condition?: string;
  /** One line. */
  readonly text: string;
}

export class LinkSession {
  readonly id: string;
  readonly #session: Session;
  readonly #log: Log;
  readonly #gone: (problem: LinkProblem) => void;
  #over = false;

  /** `gone` is told once of the session's or the link's end by the peer, in a turn of its own, never after `discard`. */
  constructor(client: MeshClient, id: string, log: Log, gone: (problem: LinkProblem) => void) {
    this.id = id;
    this.#log = log;
    this.#gone = gone;
    this.#session = client.session(id);
    let openings = 0;
    this.#session.on('opened', () => {
      // An End without an error makes the library begin the session anew, with its links in a mixed-up state.
      if (++openings > 1) this.fail({ text: 'the broker ended the session' });
    });
    this.#session.on('closed', (_own: unknown, peer: unknown) => this.fail(linkProblem(peer)));
  }

  get over(): boolean {
    return this.#over;
  }

  /** The peer ended the link (or something under it). */
  fail(problem: LinkProblem): void {
    if (this.#over) return;
    this.#over = true;
    // We are inside one of the library's callbacks, which goes on to use what would be destroyed here.
    queueMicrotask(
      contained(this.#log, 'The end of a link', () => {
        this.#destroy();
        this.#gone(problem);
      }),
    );
  }

  /** Gives the link up. Only for links without unsettled deliveries, or whose peer has ended them. */
  discard(): void {
    if (this.#over) return;
    this.#over = true;
    this.#destroy();
  }

  /** The connection is gone: nothing to tell anyone. */
  forget(): void {
    this.#over = true;
  }

  #destroy(): void {
    if (!this.#session.destroyed()) this.#session.destroy();
  }
}

/** Reads the peer's error of a detach or end. */
export function linkProblem(error: unknown): LinkProblem {
  if (!(error instanceof Error)) return { text: 'the broker gave no reason' };
  const condition = 'condition' in error && typeof error.condition === 'string' ? error.condition : undefined;
  return { text: oneLine(error.message), ...(condition === undefined ? {} : { condition }) };
}
