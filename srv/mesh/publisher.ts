/**
 * Confirmed publishing. A message waits in a buffer of ours until the broker can take it, then for the broker's word, and in all no
 * longer than the time-out; nothing waits inside the library, which would send it behind our back after a reconnect.
 */
import type { Clock, Timer } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Random } from '../platform/random.ts';
import { sendAddress, sendsAnonymously } from './addresses.ts';
import type { Dialect } from './dialects.ts';
import type { BackoffLimits } from './backoff.ts';
import type { MeshClient } from './client.ts';
import type { DrainPurpose } from './connection-state.ts';
import { contained } from './containment.ts';
import { transferOf, unsendable } from './outgoing-message.ts';
import type { OutgoingMessage, PublishResult } from './port.ts';
import { isLasting, refusal, unconfirmed } from './publish-result.ts';
import { Route, type Pending } from './route.ts';
import type { Tenant } from './tenant.ts';

export interface PublisherLimits {
  /** From the call of `publish` to its answer. */
  readonly publishTimeoutMs: number;
  /** Sent and not answered, over all targets. */
  readonly maxInFlight: number;
  /** Waiting to be sent, over all targets. */
  readonly maxBuffered: number;
  /** Links at a time, where each target needs its own. */
  readonly maxRoutes: number;
  readonly attachTimeoutMs: number;
  readonly backoff: BackoffLimits;
}

export interface PublisherParts {
  readonly dialect: Dialect;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly limits: PublisherLimits;
}

export class Publisher implements Tenant {
  readonly #parts: PublisherParts;
  readonly #routes = new Map<string, Route>();
  /** Unanswered, oldest first; all have the same time-out, so the first is the first to expire. */
  readonly #pending = new Set<Pending>();
  #client: MeshClient | undefined;
  #closed: string | undefined = 'the mesh is not connected yet';
  /** Why nothing new is taken although there is a connection. */
  #refusing: string | undefined;
  #timer: Timer | undefined;
  #timerAtMs = Infinity;
  #idle: (() => void)[] = [];

  constructor(parts: PublisherParts) {
    this.#parts = parts;
  }

  /** Never rejects. */
  publish(message: OutgoingMessage): Promise<PublishResult> {
    const fault = unsendable(message);
    if (fault !== undefined) {
      return Promise.resolve({ kind: 'refused', condition: 'local:invalid-message', reason: fault });
    }
    if (this.#refusing !== undefined) return Promise.resolve(unconfirmed(this.#refusing));
    if (this.#client === undefined) return Promise.resolve(unconfirmed(this.#closed ?? 'no connection'));
    if (this.#buffered() >= this.#parts.limits.maxBuffered) {
      return Promise.resolve(unconfirmed('too many messages are waiting to be sent'));
    }
    const route = this.#routeTo(message);
    if (route === undefined) return Promise.resolve(unconfirmed('too many targets at a time'));
    return new Promise((resolve) => {
      const pending: Pending = {
        message,
        deadlineMs: this.#parts.clock.monotonicMs() + this.#parts.limits.publishTimeoutMs,
        answered: false,
        answer: (result) => this.#answer(pending, result, resolve),
      };
      this.#pending.add(pending);
      route.enqueue(pending);
      this.#pump();
    });
  }

  arrive(client: MeshClient): void {
    this.#client = client;
    this.#closed = undefined;
    this.#refusing = undefined;
    this.#pump();
  }

  drain(purpose: DrainPurpose): Promise<void> {
    this.#refusing =
      purpose === 'stop' ? 'the mesh is being stopped' : 'the connection to the mesh is being renewed';
    return this.#pending.size === 0
      ? Promise.resolve()
      : new Promise((resolve) => {
          this.#idle.push(resolve);
        });
  }

  leave(reason: string): void {
    this.#client = undefined;
    this.#closed = reason;
    for (const route of this.#routes.values()) route.forget();
    this.#routes.clear();
    for (const pending of this.#pending) pending.answer(unconfirmed(reason));
    this.#schedule();
  }

  end(): void {
    this.#refusing = 'the mesh is being stopped';
    this.#timer?.cancel();
  }

  #answer(pending: Pending, result: PublishResult, resolve: (result: PublishResult) => void): void {
    if (pending.answered) return;
    pending.answered = true;
    this.#pending.delete(pending);
    resolve(result);
    if (this.#pending.size > 0) return;
    for (const idle of this.#idle.splice(0)) idle();
  }

  #routeTo(message: OutgoingMessage): Route | undefined {
    const { dialect, limits, clock, random, log } = this.#parts;
    const address = sendsAnonymously(dialect) ? '' : sendAddress(dialect, message.to);
    const known = this.#routes.get(address);
    if (known !== undefined) return known;
    if (this.#routes.size >= limits.maxRoutes && !this.#retireIdleRoute()) return undefined;
    const route: Route = new Route({
      address,
      clock,
      random,
      log,
      attachTimeoutMs: limits.attachTimeoutMs,
      backoff: limits.backoff,
      room: () => this.#pump(),
      ended: (problem) => {
        // A link to one target that is not allowed is the broker's word on every message for that target.
        const lasting = address !== '' && isLasting(problem);
        route.abandonSent((pending) =>
          lasting ? refusal(problem, pending.message.to) : unconfirmed(`the link was ended: ${problem.text}`),
        );
        if (lasting) route.abandonWaiting((pending) => refusal(problem, pending.message.to));
        this.#pump();
      },
    });
    this.#routes.set(address, route);
    return route;
  }

  #retireIdleRoute(): boolean {
    for (const [address, route] of this.#routes) {
      if (!route.idle) continue;
      route.discard();
      this.#routes.delete(address);
      return true;
    }
    return false;
  }

  /** Sends what can be sent, one message of each route in turn, and sees to the timer. */
  #pump(): void {
    const client = this.#client;
    if (client === undefined) return;
    let sent = true;
    while (sent) {
      sent = false;
      for (const route of this.#routes.values()) {
        if (this.#inFlight() >= this.#parts.limits.maxInFlight) break;
        route.attachIfDue(client);
        const pending = route.next();
        if (pending === undefined) continue;
        this.#send(route, pending);
        sent = true;
      }
    }
    this.#schedule();
  }

  #send(route: Route, pending: Pending): void {
    const { message } = pending;
    const to = route.address === '' ? sendAddress(this.#parts.dialect, message.to) : undefined;
    route.send(pending, transferOf(message, to), (answer) => {
      switch (answer.kind) {
        case 'accepted':
          pending.answer({ kind: 'accepted' });
          break;
        case 'rejected':
          pending.answer(refusal(answer.problem, message.to));
          break;
        case 'returned':
          pending.answer(unconfirmed('the broker gave the message back (released or modified)'));
          break;
      }
      this.#pump();
    });
  }

  /** One timer for whatever comes first: a time-out, or the next attach of a link. */
  #schedule(): void {
    const dueAtMs = Math.min(
      this.#pending.values().next().value?.deadlineMs ?? Infinity,
      ...Array.from(this.#routes.values(), (route) => route.dueAtMs),
    );
    // A timer that runs out too early finds nothing to do and sets the next one: cheaper than a new one for each message.
    if (this.#timerAtMs <= dueAtMs && dueAtMs !== Infinity) return;
    this.#timer?.cancel();
    this.#timerAtMs = dueAtMs;
    if (dueAtMs === Infinity) return;
    const { clock, log } = this.#parts;
    const delayMs = Math.max(1, Math.ceil(dueAtMs - clock.monotonicMs()));
    this.#timer = clock.after(
      delayMs,
      contained(log, 'The publisher', () => this.#wake()),
    );
  }

  #wake(): void {
    this.#timerAtMs = Infinity;
    const nowMs = this.#parts.clock.monotonicMs();
    for (const pending of this.#pending) {
      if (pending.deadlineMs > nowMs) break;
      pending.answer(unconfirmed(`no confirmation within ${this.#parts.limits.publishTimeoutMs} ms`));
    }
    for (const route of this.#routes.values()) route.giveUpIfDue();
    this.#makeRoom();
    this.#pump();
    this.#schedule();
  }

  /** Where every place is taken by messages that nobody will answer any more, on whichever links, only new links make room. */
  #makeRoom(): void {
    const stuck = [...this.#routes.values()].filter(({ unanswerable }) => unanswerable > 0);
    const unanswerable = stuck.reduce((sum, route) => sum + route.unanswerable, 0);
    if (unanswerable < this.#parts.limits.maxInFlight) return;
    for (const route of stuck) route.replace('the broker answers nothing');
  }

  #inFlight(): number {
    let count = 0;
    for (const route of this.#routes.values()) count += route.inFlight;
    return count;
  }

  #buffered(): number {
    let count = 0;
    for (const route of this.#routes.values()) count += route.buffered;
    return count;
  }
}
