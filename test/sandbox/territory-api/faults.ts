/** Faults on command: what a test or a demo makes the simulator do wrong, how often, and to whom. */
import type { SeededRandom } from './seeded-random.ts';

/** Whether a write takes effect although its answer is spoilt. */
export type Effect = 'written' | 'not-written';

/** Spoils the answer to a request as a whole. */
export type WholeFault =
  /** 429, 5xx, 401, 403, 404, …; default `not-written`. `retryAfter`: seconds, or an HTTP date as text. */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly retryAfter?: number | string;
      readonly headers?: Readonly<Record<string, string>>;
      readonly effect?: Effect;
    }
  /** The connection breaks, or nothing is ever answered. */
  | { readonly kind: 'no-answer'; readonly how: 'destroy' | 'silence'; readonly effect: Effect }
  /** 200 with a login page; default `not-written`. */
  | { readonly kind: 'html'; readonly effect?: Effect }
  /** 302 to a login page; default `not-written`. */
  | { readonly kind: 'redirect'; readonly location?: string; readonly effect?: Effect }
  /** The right answer, cut in the middle of its JSON; default `written`. */
  | { readonly kind: 'truncated'; readonly effect?: Effect };

/** Spoils what the answer says of one record. */
export type RecordFault =
  /** Writes only: 403, 423, 5xx … for the record; default `not-written`. */
  | {
      readonly kind: 'record-status';
      readonly status: number;
      readonly code?: string;
      readonly message?: string;
      readonly effect?: Effect;
    }
  /** The answer does not mention the record; default `written`. */
  | { readonly kind: 'record-missing'; readonly effect?: Effect };

/** Answers late; the write, if it is one, is done before the wait or after it. */
export interface SlowFault {
  readonly kind: 'slow';
  readonly delayMs: number;
  /** Default `before-work`: the request is under way (its idempotency keys are taken) while it waits. */
  readonly where?: 'before-work' | 'after-work';
}

/** When a fault strikes; without any of these: every request, until removed. */
export interface FaultScope {
  readonly on?: 'read' | 'write';
  /** Requests that name such a record; for record faults, those records. */
  readonly records?: (id: string) => boolean;
  /** Strikes so often: requests, or records for record faults. */
  readonly times?: number;
  /** Strikes with this probability, 0 to 1, by the seed. */
  readonly chance?: number;
}

export type Fault = FaultScope & (WholeFault | RecordFault | SlowFault);

/** A fault that was injected. */
export interface FaultHandle {
  /** How often it has struck. */
  readonly hits: number;
  remove(): void;
}

/** What the faults make of one request. */
export interface Verdict {
  readonly delayBeforeMs: number;
  readonly delayAfterMs: number;
  readonly whole?: WholeFault;
  readonly records: ReadonlyMap<string, RecordFault>;
}

const ACTIVE_MAX = 1000;

export class Faults {
  readonly #random: SeededRandom;
  readonly #active = new Set<ActiveFault>();

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** From now on, until it has struck `times` times or is removed. Of several for a request as a whole the oldest strikes. */
  inject(fault: Fault): FaultHandle {
    if (this.#active.size >= ACTIVE_MAX)
      throw new Error(`more than ${ACTIVE_MAX} faults at a time: remove some`);
    const active = new ActiveFault(fault, this.#random);
    this.#active.add(active);
    return {
      get hits() {
        return active.hits;
      },
      remove: () => void this.#active.delete(active),
    };
  }

  clear(): void {
    this.#active.clear();
  }

  /** Decides, and counts, what strikes a request. */
  strike(kind: 'read' | 'write', recordIds: readonly string[]): Verdict {
    let delayBeforeMs = 0;
    let delayAfterMs = 0;
    let whole: WholeFault | undefined;
    const records = new Map<string, RecordFault>();
    for (const active of this.#active) {
      const { fault } = active;
      switch (fault.kind) {
        case 'slow':
          if (!active.strikesRequest(kind, recordIds)) break;
          if (fault.where === 'after-work') delayAfterMs += fault.delayMs;
          else delayBeforeMs += fault.delayMs;
          break;
        case 'record-status':
        case 'record-missing':
          if (fault.kind === 'record-status' && kind === 'read') break;
          for (const id of recordIds) {
            if (!records.has(id) && active.strikesRecord(kind, id)) records.set(id, fault);
          }
          break;
        case 'status':
        case 'no-answer':
        case 'html':
        case 'redirect':
        case 'truncated':
          if (whole === undefined && active.strikesRequest(kind, recordIds)) whole = fault;
          break;
      }
      if (active.isSpent) this.#active.delete(active);
    }
    return { delayBeforeMs, delayAfterMs, records, ...(whole && { whole }) };
  }
}

/** Whether the request's work is done although the fault spoils the answer. */
export function effectOf(fault: WholeFault | RecordFault): Effect {
  const usual = fault.kind === 'truncated' || fault.kind === 'record-missing' ? 'written' : 'not-written';
  return fault.effect ?? usual;
}

class ActiveFault {
  readonly fault: Fault;
  readonly #random: SeededRandom;
  hits = 0;

  constructor(fault: Fault, random: SeededRandom) {
    this.fault = fault;
    this.#random = random;
  }

  get isSpent(): boolean {
    return this.hits >= (this.fault.times ?? Infinity);
  }

  strikesRequest(kind: 'read' | 'write', recordIds: readonly string[]): boolean {
    const { records } = this.fault;
    return this.#strikes(kind, records === undefined || recordIds.some((id) => records(id)));
  }

  strikesRecord(kind: 'read' | 'write', id: string): boolean {
    return this.#strikes(kind, this.fault.records?.(id) ?? true);
  }

  #strikes(kind: 'read' | 'write', matches: boolean): boolean {
    const { on = kind, chance = 1 } = this.fault;
    if (this.isSpent || on !== kind || !matches) return false;
    if (chance < 1 && this.#random.fraction() >= chance) return false;
    this.hits += 1;
    return true;
  }
}
