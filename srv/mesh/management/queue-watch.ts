/**
 * Keeps looking whether the work queue lets one receiver at a time have its messages: readiness hangs on it. An API that cannot be
 * asked is no reason to be unready, since nothing is known to be wrong; the log says what is lost.
 */
import type { Clock, Timer } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { QueueAdministration } from './administration.ts';
import { inspectQueue, UNCHECKED, type QueueInspection } from './inspection.ts';
import { ManagementError } from './problem.ts';

export interface QueueCheck {
  readonly status: 'UP' | 'DOWN';
  /** Epoch milliseconds. */
  readonly since: number;
  /** Why it is down, one line. */
  readonly reason?: string;
}

export interface QueueWatchParts {
  readonly queue: string;
  /** Undefined: nothing can be asked. */
  readonly administration: QueueAdministration | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** While something is wrong it is looked at often, so that its repair shows soon. */
const WRONG_EVERY_MS = 60_000;
const RIGHT_EVERY_MS = 600_000;

export class QueueWatch {
  readonly #parts: QueueWatchParts;
  #check: QueueCheck;
  #known: QueueInspection['kind'] | undefined;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(parts: QueueWatchParts) {
    this.#parts = parts;
    this.#check = { status: 'UP', since: parts.clock.now() };
  }

  /** The state as last seen; up until something is known to be wrong. */
  check(): QueueCheck {
    return this.#check;
  }

  /** Looks now and from then on. */
  start(): void {
    const { administration, log, queue } = this.#parts;
    if (administration === undefined) {
      log.warn(
        `It cannot be checked how queue ${queue} is received from, for the mesh binding names no management API: ${UNCHECKED}`,
      );
      return;
    }
    void this.#look(administration);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** Never rejects. */
  async #look(administration: QueueAdministration): Promise<void> {
    const inspection = await this.#inspect(administration);
    if (this.#stopped) return;
    this.#learn(inspection);
    const everyMs = inspection.kind === 'exclusive' ? RIGHT_EVERY_MS : WRONG_EVERY_MS;
    this.#timer = this.#parts.clock.after(everyMs, () => void this.#look(administration));
  }

  async #inspect(administration: QueueAdministration): Promise<QueueInspection> {
    const { queue } = this.#parts;
    try {
      return await inspectQueue(queue, administration);
    } catch (error) {
      const why =
        error instanceof ManagementError ? error.message : `a defect in queue management (${String(error)})`;
      return {
        kind: 'unknown',
        reason: `It cannot be checked how queue ${queue} is received from: ${UNCHECKED}; ${why}`,
      };
    }
  }

  #learn(inspection: QueueInspection): void {
    const { clock, log } = this.#parts;
    // What cannot be seen now may still be as it was seen before.
    const status = {
      exclusive: 'UP',
      'not-exclusive': 'DOWN',
      missing: 'DOWN',
      unknown: this.#check.status,
    } as const;
    const next = status[inspection.kind];
    const reason =
      inspection.kind === 'unknown'
        ? this.#check.reason
        : 'reason' in inspection
          ? inspection.reason
          : undefined;
    const since = next === this.#check.status ? this.#check.since : clock.now();
    this.#check = { status: next, since, ...(next === 'DOWN' && reason !== undefined && { reason }) };
    if (inspection.kind === this.#known) return;
    const before = this.#known;
    this.#known = inspection.kind;
    if (inspection.kind === 'exclusive') {
      if (before !== undefined) log.info('The queue is exclusive: one receiver at a time');
    } else if (inspection.kind === 'unknown') {
      log.warn(inspection.reason);
    } else {
      log.error(inspection.reason);
    }
  }
}
