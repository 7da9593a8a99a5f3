/** A request that was too large makes the flights after it smaller, until enough was written to try more. */
import type { Verdict } from './violation.ts';

/** A flight never has to be smaller than this, unless they were from the start. */
const FLOOR = 5;
const SHARE = 0.5;
/** So many records written without trouble are reason enough for a larger one. */
const SAMPLE = 50;

interface Shrunk {
  readonly most: number;
  readonly sinceMs: number;
  written: number;
}

export class FlightSizes {
  private readonly verdict: Verdict;
  private readonly start: number;
  private readonly nowMs: () => number;
  /** By process. */
  private readonly shrunk = new Map<string, Shrunk>();

  /** @param start records per flight to start with */
  constructor(verdict: Verdict, start: number, nowMs: () => number) {
    this.verdict = verdict;
    this.start = start;
    this.nowMs = nowMs;
  }

  /** The process was told that a request of so many records is too large. */
  tooLarge(process: string, records: number): void {
    const most = Math.max(Math.min(FLOOR, this.start), Math.floor(records * SHARE));
    const before = this.shrunk.get(process)?.most ?? Infinity;
    this.shrunk.set(process, { most: Math.min(most, before), sinceMs: this.nowMs(), written: 0 });
  }

  /** It was told of a record. */
  answered(process: string): void {
    const shrunk = this.shrunk.get(process);
    if (!shrunk) return;
    shrunk.written += 1;
    if (shrunk.written >= SAMPLE) this.shrunk.delete(process);
  }

  /** It asked for lanes with so many records. */
  claims(process: string, records: number, askedAtMs: number): void {
    const shrunk = this.shrunk.get(process);
    if (!shrunk || askedAtMs <= shrunk.sinceMs) return;
    this.verdict.demand(
      records <= shrunk.most,
      'smaller-flights',
      () => `${process} claims ${records} records, although a request of twice ${shrunk.most} was too large`,
    );
  }
}
