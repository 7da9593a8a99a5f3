/**
 * Decides when flights start: claims ready lanes while there is room for another flight, the breaker is closed and the
 * gate is open; wakes up on new work, on the end of a flight, and when a waiting lane is due. What runs is `fly`.
 */
import type { ClaimedLane, Journal } from '../journal/port.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Breaker } from './breaker.ts';
import type { FlightResult } from './flight.ts';
import { LeaseKeeper } from './lease-keeper.ts';

/** Work that arrives within this time shares a flight. */
const GATHER_MS = 5;

/** How soon to look again where the gate is closed or the journal failed. */
const LOOK_AGAIN_MS = 1000;

export type Fly = (
  lanes: readonly ClaimedLane[],
  limit: number,
  maySend: () => boolean,
  signal: AbortSignal,
) => Promise<FlightResult>;

export interface DispatcherOptions {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly log: Log;
  readonly breaker: Pick<Breaker, 'state' | 'trip'>;
  readonly fly: Fly;
  /** Lanes that would hold up the others of their flight: they fly after them, in the same place among the flights. */
  readonly isSlow: (lane: ClaimedLane) => boolean;
  /** Flights at a time. */
  readonly concurrency: number;
  /** Records per flight. */
  readonly batchSize: () => number;
  readonly leaseMs: number;
  readonly requestMs: number;
  /** False while no flight may start for a reason outside the lanes, such as a silent mesh in embedded mode. */
  readonly gate: () => boolean;
}

export class Dispatcher {
  private readonly options: DispatcherOptions;
  private readonly flights = new Set<Promise<void>>();
  private readonly aborting = new AbortController();
  private timer: Timer | undefined;
  private stopListening: (() => void) | undefined;
  private running = false;
  private pumping = false;
  /** The latest look for work; never rejects. */
  private pumped: Promise<void> = Promise.resolve();

  constructor(options: DispatcherOptions) {
    this.options = options;
  }

  start(): void {
    this.running = true;
    this.stopListening = this.options.journal.onWork(() => this.wake());
    this.wake();
  }

  /** Something may have become possible: looks for work a moment later. */
  wake(): void {
    this.wakeAfter(GATHER_MS);
  }

  /** No lane is claimed from now on. A claim that is under way may still bring one, which flies. */
  startNoMore(): void {
    this.running = false;
    this.timer?.cancel();
    this.stopListening?.();
  }

  /**
   * Starts no new flight and waits for the running ones, which end by themselves within two request time-outs. One that a claim
   * under way still brings counts among them: left behind, its lanes would stand still until their leases end.
   * @param patienceMs after this their requests are aborted: what was sent is then in doubt, and is repeated later
   */
  async stop(patienceMs: number): Promise<void> {
    this.startNoMore();
    const abort = this.options.clock.after(patienceMs, () => this.aborting.abort());
    await this.pumped;
    await Promise.allSettled(this.flights);
    abort.cancel();
  }

  private wakeAfter(delayMs: number): void {
    if (!this.running) return;
    const dueAtMs = this.options.clock.monotonicMs() + delayMs;
    if (this.timer && this.timerDueAtMs <= dueAtMs) return;
    this.timer?.cancel();
    this.timerDueAtMs = dueAtMs;
    this.timer = this.options.clock.after(delayMs, () => {
      this.timer = undefined;
      if (this.pumping) this.wake();
      else this.pumped = this.pump();
    });
  }

  private timerDueAtMs = 0;

  private async pump(): Promise<void> {
    this.pumping = true;
    try {
      while (this.mayStart() && (await this.startFlight()));
      await this.sleepUntilDue();
    } catch (error) {
      this.options.log.error('The journal does not answer; lanes are looked for again shortly', { error });
      this.wakeAfter(LOOK_AGAIN_MS);
    } finally {
      this.pumping = false;
    }
  }

  private mayStart(): boolean {
    const { breaker, gate, concurrency } = this.options;
    return this.running && this.flights.size < concurrency && breaker.state === 'closed' && gate();
  }

  /** True if a flight started. */
  private async startFlight(): Promise<boolean> {
    const { journal, clock, leaseMs, batchSize } = this.options;
    const claimedAtMs = clock.monotonicMs();
    const limit = batchSize();
    const lanes = await journal.claim({ records: limit, leaseMs });
    if (lanes.length === 0) return false;
    const flight = this.runApart(lanes, limit, claimedAtMs).finally(() => {
      this.flights.delete(flight);
      this.wake();
    });
    this.flights.add(flight);
    return true;
  }

  /** The slow ones wait with their leases kept until the others are done with. */
  private async runApart(lanes: readonly ClaimedLane[], limit: number, claimedAtMs: number): Promise<void> {
    const slow = lanes.filter(this.options.isSlow);
    const others = lanes.filter((lane) => !slow.includes(lane));
    const kept = { ...this.options, keptBy: this.options.journal, what: 'leases' } as const;
    const legs = [others, slow]
      .filter((leg) => leg.length > 0)
      .map((leg) => ({ leg, keeper: new LeaseKeeper(kept, leg, claimedAtMs) }));
    for (const { leg, keeper } of legs) await this.run(leg, limit, keeper);
  }

  /** Never rejects: a flight that fails leaves its lanes to the end of their leases. */
  private async run(lanes: readonly ClaimedLane[], limit: number, keeper: LeaseKeeper): Promise<void> {
    const { fly, breaker, log } = this.options;
    try {
      const result = await fly(lanes, limit, () => keeper.maySend(), this.aborting.signal);
      if (result.trouble) breaker.trip(result.trouble);
    } catch (error) {
      log.error('A flight failed; its lanes go on when their leases end', { error, lanes: lanes.length });
    } finally {
      keeper.stop();
    }
  }

  private async sleepUntilDue(): Promise<void> {
    if (!this.running || this.flights.size >= this.options.concurrency) return;
    const dueMs = await this.options.journal.nextDueMs();
    if (dueMs === undefined) return;
    // With the breaker or the gate closed, what is due stays due: look again at a calm pace.
    this.wakeAfter(this.mayStart() ? Math.max(1, dueMs) : LOOK_AGAIN_MS);
  }
}
