/** What is under way at a time has the limits that the program states. */
import type { Verdict } from './violation.ts';

/** Messages of the outbox on their way at a time, of one process. */
const MOST_UNCONFIRMED = 200;

export class BoundsCheck {
  private readonly verdict: Verdict;
  private readonly unconfirmed = new Map<string, number>();

  constructor(verdict: Verdict) {
    this.verdict = verdict;
  }

  /** So many messages of the process wait for the mesh to confirm them. */
  publishing(process: string, count: number): void {
    this.unconfirmed.set(process, count);
  }

  /** It asks the journal for as many unsent messages as it has room for. */
  takesUnsent(process: string, limit: number): void {
    const waiting = this.unconfirmed.get(process) ?? 0;
    this.verdict.demand(
      waiting + limit <= MOST_UNCONFIRMED,
      'bounded',
      () => `${process} asks for ${limit} messages while ${waiting} are not confirmed`,
    );
  }

  /** @param most deliveries that were unsettled at a time */
  received(most: number, window: number): void {
    this.verdict.demand(
      most <= window,
      'bounded',
      () => `${most} deliveries were unsettled at a time; the window is ${window}`,
    );
  }
}
