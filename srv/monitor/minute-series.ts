/**
 * What happened in each of the last 1440 minutes, for a chart of a day. Minutes are those of the wall clock, which may be
 * set: forwards leaves empty minutes behind, backwards joins the minutes that would lie in the future to the present one,
 * so that nothing counted is lost and times always grow.
 */
import type { Tally } from '../journal/port.ts';
import type { Clock } from '../platform/clock.ts';

export const MINUTES_LIMIT = 1440;
const MINUTE_MS = 60_000;

const COUNTED = [
  'received',
  'applied',
  'unchanged',
  'superseded',
  'failed',
  'writes',
  'conflicts',
] as const satisfies readonly (keyof Tally)[];

export type Counted = (typeof COUNTED)[number];

/** One minute: what was counted in it, and the backlog as last seen in it. */
export interface Minute extends Readonly<Record<Counted, number>> {
  /** Start of the minute, epoch milliseconds. */
  readonly at: number;
  /** Pending changes; where nobody looked in this minute, those of the minute before. */
  readonly backlog: number;
}

type OpenMinute = { -readonly [Member in keyof Minute]: Minute[Member] };

export class MinuteSeries {
  private readonly clock: Pick<Clock, 'now'>;
  /** Oldest first. */
  private readonly minutes: OpenMinute[] = [];

  constructor(clock: Pick<Clock, 'now'>) {
    this.clock = clock;
  }

  count(name: Counted, count: number): void {
    this.current()[name] += count;
  }

  backlog(changes: number): void {
    this.current().backlog = changes;
  }

  /** Newest last: the present minute, which is still filling. At most 1440. */
  read(): readonly Minute[] {
    this.current();
    return this.minutes.map((minute) => ({ ...minute }));
  }

  private current(): OpenMinute {
    const at = Math.floor(this.clock.now() / MINUTE_MS) * MINUTE_MS;
    const newest = this.minutes.at(-1);
    if (newest?.at === at) return newest;
    return newest && newest.at > at ? this.goBack(at) : this.goOn(at, newest);
  }

  private goOn(at: number, newest: OpenMinute | undefined): OpenMinute {
    const missing = newest ? Math.min((at - newest.at) / MINUTE_MS, MINUTES_LIMIT) : 1;
    for (let back = missing - 1; back >= 0; back -= 1) {
      this.minutes.push(emptyMinute(at - back * MINUTE_MS, newest?.backlog ?? 0));
    }
    this.minutes.splice(0, this.minutes.length - MINUTES_LIMIT);
    return this.minutes.at(-1) ?? emptyMinute(at, 0);
  }

  private goBack(at: number): OpenMinute {
    const joined = emptyMinute(at, this.minutes.at(-1)?.backlog ?? 0);
    for (let last = this.minutes.at(-1); last && last.at >= at; last = this.minutes.at(-1)) {
      for (const name of COUNTED) joined[name] += last[name];
      this.minutes.pop();
    }
    this.minutes.push(joined);
    return joined;
  }
}

function emptyMinute(at: number, backlog: number): OpenMinute {
  return {
    at,
    received: 0,
    applied: 0,
    unchanged: 0,
    superseded: 0,
    failed: 0,
    writes: 0,
    conflicts: 0,
    backlog,
  };
}
