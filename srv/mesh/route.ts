/** The way to one target (to all of them, where one anonymous link serves all): its link, what waits for it, what it has sent. */
import type { OutgoingTransfer } from '@sap/xb-msg-amqp-v100';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Random } from '../platform/random.ts';
import { backoffMs, type BackoffLimits } from './backoff.ts';
import type { MeshClient } from './client.ts';
import type { LinkProblem } from './link-session.ts';
import type { OutgoingMessage, PublishResult } from './port.ts';
import { SenderLink, type Answer } from './sender-link.ts';

/** A message between `publish` and its answer. */
export interface Pending {
  readonly message: OutgoingMessage;
  /** Monotonic. */
  readonly deadlineMs: number;
  answered: boolean;
  /** The first answer counts, later ones are ignored. */
  readonly answer: (result: PublishResult) => void;
}

export interface RouteParts {
  /** Empty for the anonymous link. */
  readonly address: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly attachTimeoutMs: number;
  readonly backoff: BackoffLimits;
  /** There may be room to send. */
  readonly room: () => void;
  /** The link ended or could not be had; the route tries again later. */
  readonly ended: (problem: LinkProblem) => void;
}

export class Route {
  readonly address: string;
  readonly #parts: RouteParts;
  #link: SenderLink | undefined;
  #links = 0;
  #failures = 0;
  #waiting: Pending[] = [];
  /** Sent and without an answer of the broker, those that have timed out included. */
  readonly #sent = new Set<Pending>();
  /** While attaching: when to give up. Without a link: when to attach. Monotonic. */
  #actAtMs = 0;

  constructor(parts: RouteParts) {
    this.address = parts.address;
    this.#parts = parts;
  }

  get inFlight(): number {
    return this.#sent.size;
  }

  get buffered(): number {
    this.#dropAnswered();
    return this.#waiting.length;
  }

  get idle(): boolean {
    return this.buffered === 0 && this.#sent.size === 0;
  }

  /** Sent messages that have timed out: they hold a place until the broker answers or the link ends. */
  get unanswerable(): number {
    let count = 0;
    for (const pending of this.#sent) if (pending.answered) count++;
    return count;
  }

  /** When the route wants attention, monotonic; Infinity if it does not. */
  get dueAtMs(): number {
    if (this.#link?.ready === true) return Infinity;
    return this.#link !== undefined || this.buffered > 0 ? this.#actAtMs : Infinity;
  }

  enqueue(pending: Pending): void {
    this.#waiting.push(pending);
  }

  attachIfDue(client: MeshClient): void {
    const nowMs = this.#parts.clock.monotonicMs();
    if (this.#link !== undefined || this.buffered === 0 || nowMs < this.#actAtMs) return;
    this.#actAtMs = nowMs + this.#parts.attachTimeoutMs;
    const { address, log, room } = this.#parts;
    try {
      this.#link = new SenderLink(
        client,
        { name: `send-${address}-${++this.#links}`, address, log },
        { room, gone: (problem) => this.#ended(problem) },
      );
    } catch (error) {
      this.#ended({ text: error instanceof Error ? error.message : String(error) });
    }
  }

  /** Gives up an attach that the broker does not answer. */
  giveUpIfDue(): void {
    const { clock } = this.#parts;
    if (this.#link === undefined || this.#link.ready || clock.monotonicMs() < this.#actAtMs) return;
    this.replace('the broker did not answer the attach, or gave no credit, in time');
  }

  /** The next message, if the link can take one. */
  next(): Pending | undefined {
    if (this.#link?.hasRoom !== true) return undefined;
    this.#dropAnswered();
    return this.#waiting.shift();
  }

  send(
    pending: Pending,
    transfer: Pick<OutgoingTransfer, 'payload' | 'target'>,
    answer: (answer: Answer) => void,
  ): void {
    this.#sent.add(pending);
    this.#link?.write(transfer, (word) => {
      this.#sent.delete(pending);
      this.#failures = 0;
      answer(word);
    });
  }

  /** What was sent and not answered gets this answer; the link is gone. */
  abandonSent(result: (pending: Pending) => PublishResult): void {
    for (const pending of this.#sent) pending.answer(result(pending));
    this.#sent.clear();
  }

  /** What still waits gets this answer. */
  abandonWaiting(result: (pending: Pending) => PublishResult): void {
    for (const pending of this.#waiting.splice(0)) pending.answer(result(pending));
  }

  /** Another link in place of this one. */
  replace(why: string): void {
    this.#link?.discard();
    this.#ended({ text: why });
  }

  discard(): void {
    this.#link?.discard();
    this.#link = undefined;
  }

  /** The connection is gone. */
  forget(): void {
    this.#link?.forget();
    this.#link = undefined;
  }

  #ended(problem: LinkProblem): void {
    const { clock, random, backoff, log, ended } = this.#parts;
    this.#link = undefined;
    const afterMs = backoffMs(this.#failures++, backoff, random.fraction());
    this.#actAtMs = clock.monotonicMs() + afterMs;
    log.warn('A link for publishing ended', {
      address: this.address,
      reason: problem.text,
      condition: problem.condition,
      retryInMs: Math.round(afterMs),
    });
    ended(problem);
  }

  #dropAnswered(): void {
    // All have the same time-out, so those that expired stand in front.
    while (this.#waiting[0]?.answered === true) this.#waiting.shift();
  }
}
