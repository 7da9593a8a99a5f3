/**
 * Stops flights while the API is in trouble that no record is to blame for, and looks with a read, never with a write,
 * whether it is back. Nobody's attempt is spent meanwhile.
 */
import type { Clock, Timer } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { ApiTrouble, TerritoryApi } from '../territory-api/port.ts';

/** `quota`: open, and the API has asked for a wait as long as only an exhausted quota explains. */
export type BreakerState = 'closed' | 'probing' | 'open' | 'quota';

/** The same trouble is logged again after this time at the earliest. */
const TELL_AGAIN_MS = 60_000;

/** A longer `Retry-After` than this is a quota that frees, not an overload that passes. */
const QUOTA_WAIT_MS = 10 * 60_000;

/** Trouble that does not pass by itself: rights, credentials or the destination have to be set right. */
const NEEDS_A_PERSON: readonly ApiTrouble['reason'][] = ['unauthorized', 'forbidden', 'destination'];

/** Two readings of one pause may differ by so much. */
const CLOCKS_DIFFER_MS = 1000;

const QUOTA_ELSEWHERE: ApiTrouble = {
  reason: 'throttled',
  message: 'the API has told another instance, or an earlier run, that its quota is exhausted',
};

export interface BreakerOptions {
  readonly api: Pick<TerritoryApi, 'probe'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly probeIntervalMs: number;
  /** Trouble of the writes that needs a person is met again within this time, unless it is over. */
  readonly writesAgainWithinMs: number;
  /** Called when flights may start again. */
  readonly onClosed: () => void;
  /** Called with the milliseconds when the API has named a wait of a quota. */
  readonly onQuota?: (waitMs: number) => void;
}

export class Breaker {
  private readonly options: BreakerOptions;
  private current: BreakerState = 'closed';
  private timer: Timer | undefined;
  private readonly stopping = new AbortController();
  private trouble: ApiTrouble | undefined;
  /** What a person has to set right: a probe that succeeds does not end it, since a probe only reads. */
  private refusal: { readonly trouble: ApiTrouble; readonly untilMs: number } | undefined;
  private changedAt: number;
  private told = { what: '', atMs: -Infinity };
  private closedAtMs = -Infinity;
  private lastProbeAtMs = -Infinity;
  private nextProbe: number | undefined;
  /** What the API asked for (`Retry-After`), whichever flight or probe was told so; monotonic milliseconds. */
  private notBeforeMs = 0;
  /** Of that, what another instance was told: a quota, however little of its wait is left. */
  private quotaUntilMs = 0;

  constructor(options: BreakerOptions) {
    this.options = options;
    this.changedAt = options.clock.now();
  }

  get state(): BreakerState {
    return this.current;
  }

  /** Since when it is closed, or not; epoch milliseconds. */
  get since(): number {
    return this.changedAt;
  }

  /** When the next probe is due, epoch milliseconds; undefined while it is closed or probing. */
  get nextProbeAt(): number | undefined {
    return this.nextProbe;
  }

  /** Why it is open. */
  get reason(): ApiTrouble | undefined {
    return this.trouble;
  }

  /** Why nothing is written although reads may be answered: until a write succeeds, or it is not met again. */
  get refusesWrites(): ApiTrouble | undefined {
    const { refusal } = this;
    return refusal && refusal.untilMs > this.options.clock.monotonicMs() ? refusal.trouble : undefined;
  }

  /** A write succeeded. */
  wrote(): void {
    this.refusal = undefined;
  }

  /** A flight met trouble. While open already, only the reason is renewed, and the wait that the API asked for. */
  trip(trouble: ApiTrouble): void {
    if (NEEDS_A_PERSON.includes(trouble.reason)) {
      const { clock, writesAgainWithinMs } = this.options;
      this.refusal = { trouble, untilMs: clock.monotonicMs() + writesAgainWithinMs };
    }
    this.foresee(trouble);
  }

  /** Trouble is known before a flight met it. Nothing was refused, so a probe that succeeds ends it, whatever its reason. */
  foresee(trouble: ApiTrouble): void {
    this.learn(trouble);
    this.open(trouble);
    this.passOnQuota(trouble);
  }

  /** Another instance was told to wait: as if this one was, but it is told nobody again. */
  pauseFor(waitMs: number): void {
    if (waitMs <= this.askedWaitMs + CLOCKS_DIFFER_MS) return;
    const trouble = { ...QUOTA_ELSEWHERE, retryAfterMs: waitMs };
    this.learn(trouble);
    this.quotaUntilMs = this.notBeforeMs;
    this.open(trouble);
  }

  /** The wait that the API named does not count any more: it is asked at once. Where there was none, nothing changes. */
  lift(): void {
    if (this.current !== 'quota' || this.stopping.signal.aborted) return;
    this.notBeforeMs = 0;
    this.quotaUntilMs = 0;
    this.timer?.cancel();
    void this.probe();
  }

  private open(trouble: ApiTrouble): void {
    if (this.current !== 'closed' || this.stopping.signal.aborted) return;
    this.changedAt = this.options.clock.now();
    if (this.wasToldLately(trouble)) return this.probeLater();
    const level = NEEDS_A_PERSON.includes(trouble.reason) ? 'error' : 'warn';
    this.options.log[level]('The territory API is in trouble; no flight starts until a probe succeeds', {
      reason: trouble.reason,
      status: trouble.status,
      detail: trouble.message,
    });
    this.probeLater();
  }

  /** Where reads succeed and writes do not, it opens as soon as it has closed, again and again: told once a minute. */
  private wasToldLately({ reason, status, message }: ApiTrouble): boolean {
    const { clock, probeIntervalMs } = this.options;
    const nowMs = clock.monotonicMs();
    const what = `${reason} ${status} ${message}`;
    const isTheSame = this.told.what === what && nowMs - this.closedAtMs < probeIntervalMs;
    if (isTheSame && nowMs - this.told.atMs < TELL_AGAIN_MS) return true;
    this.told = { what, atMs: nowMs };
    return false;
  }

  /** Ends the probing for good. */
  stop(): void {
    this.stopping.abort();
    this.timer?.cancel();
  }

  private learn(trouble: ApiTrouble): void {
    this.trouble = trouble;
    this.notBeforeMs = Math.max(
      this.notBeforeMs,
      this.options.clock.monotonicMs() + (trouble.retryAfterMs ?? 0),
    );
  }

  private passOnQuota({ retryAfterMs = 0 }: ApiTrouble): void {
    if (retryAfterMs < QUOTA_WAIT_MS || this.stopping.signal.aborted) return;
    this.options.onQuota?.(retryAfterMs);
  }

  private get askedWaitMs(): number {
    return Math.max(0, this.notBeforeMs - this.options.clock.monotonicMs());
  }

  /** At once where the last probe is long ago: a hiccup, or one record's fault, is then over as soon as it is noticed. */
  private probeLater(): void {
    const { clock, probeIntervalMs, log } = this.options;
    const sinceProbeMs = clock.monotonicMs() - this.lastProbeAtMs;
    const delayMs = Math.max(0, probeIntervalMs - sinceProbeMs, this.askedWaitMs);
    const isQuota = this.askedWaitMs >= QUOTA_WAIT_MS || this.quotaUntilMs > clock.monotonicMs();
    if (isQuota && this.current !== 'quota') {
      log.error('The quota of the territory API is exhausted; flights pause until it frees', {
        waitMs: this.askedWaitMs,
      });
    }
    this.current = isQuota ? 'quota' : 'open';
    this.nextProbe = clock.now() + delayMs;
    this.timer = clock.after(delayMs, () => void this.probe());
  }

  /** Never rejects. */
  private async probe(): Promise<void> {
    if (this.askedWaitMs > 0) return this.probeLater();
    this.current = 'probing';
    this.nextProbe = undefined;
    this.lastProbeAtMs = this.options.clock.monotonicMs();
    const trouble = await this.look();
    if (this.stopping.signal.aborted) return;
    if (trouble) {
      this.learn(trouble);
      this.passOnQuota(trouble);
    }
    if (trouble || this.askedWaitMs > 0) return this.probeLater();
    this.current = 'closed';
    this.changedAt = this.options.clock.now();
    this.trouble = undefined;
    this.closedAtMs = this.options.clock.monotonicMs();
    this.options.log.debug('The territory API answers again');
    this.options.onClosed();
  }

  private async look(): Promise<ApiTrouble | undefined> {
    try {
      return await this.options.api.probe(this.stopping.signal);
    } catch (error) {
      this.options.log.error('The probe of the territory API failed by itself: a defect of this program', {
        error,
      });
      return { reason: 'unavailable', message: 'the probe failed by itself' };
    }
  }
}
