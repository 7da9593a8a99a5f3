/**
 * Warns of dead letters that the queue will soon forget: a week before, and again a day before. One line an hour at most
 * of each kind; ids beyond those it names are counted.
 */
import type { Clock, Timer } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';

const LOOK_MS = 3_600_000;
const DAY_MS = 86_400_000;
const NAMED = 20;
const REMEMBERED = 10_000;

/** Before the end: the later warning last. */
const WARNINGS = [
  { leftMs: 7 * DAY_MS, text: 'within a week' },
  { leftMs: DAY_MS, text: 'within a day' },
] as const;

export interface ExpiringLetter {
  readonly id: string;
  /** Epoch milliseconds; null where it is not known. */
  readonly expiresAt: number | null;
}

/** Who hears of dead letters that expire soon. */
export interface ExpiryListeners {
  readonly log: Log;
  /** How many, and when. Must not throw. */
  readonly onExpiring?: (count: number, when: string) => void;
}

export interface ExpiryWatchOptions extends ExpiryListeners {
  readonly letters: () => readonly ExpiringLetter[];
  readonly clock: Clock;
}

/** @param when as in "they expire within a day" */
export function tellExpiring(
  { log, onExpiring }: ExpiryListeners,
  ids: readonly string[],
  when: string,
): void {
  log.warn(`Dead letters expire ${when} and are then gone: replay or discard them`, {
    alert: 'TerritorySyncDeadLetterExpiring',
    ...named(ids),
  });
  onExpiring?.(ids.length, when);
}

/** For a line of the log: how many, and the first of them. */
export function named(ids: readonly string[]): { readonly count: number; readonly ids: readonly string[] } {
  return { count: ids.length, ids: ids.slice(0, NAMED) };
}

export class ExpiryWatch {
  private readonly options: ExpiryWatchOptions;
  /** Ids that were warned of, with the time left at that warning. */
  private readonly warned = new Map<string, number>();
  private timer: Timer | undefined;

  constructor(options: ExpiryWatchOptions) {
    this.options = options;
  }

  start(): void {
    this.timer = this.options.clock.after(LOOK_MS, () => {
      this.look();
      this.start();
    });
  }

  stop(): void {
    this.timer?.cancel();
  }

  /** Warns of what is due; each dead letter once a warning. */
  look(): void {
    const { clock, letters } = this.options;
    const nowMs = clock.now();
    const due = letters().map(({ id, expiresAt }) => ({ id, warning: dueWarning(expiresAt, nowMs) }));
    for (const warning of WARNINGS) {
      const fresh = due.filter(
        ({ id, warning: own }) => own === warning && this.warned.get(id) !== warning.leftMs,
      );
      if (fresh.length === 0) continue;
      for (const { id } of fresh) this.remember(id, warning.leftMs);
      tellExpiring(
        this.options,
        fresh.map(({ id }) => id),
        warning.text,
      );
    }
  }

  private remember(id: string, leftMs: number): void {
    this.warned.delete(id);
    this.warned.set(id, leftMs);
    if (this.warned.size <= REMEMBERED) return;
    const [oldest] = this.warned.keys();
    if (oldest !== undefined) this.warned.delete(oldest);
  }
}

/** The latest warning that is due. */
function dueWarning(expiresAt: number | null, nowMs: number): (typeof WARNINGS)[number] | undefined {
  if (expiresAt === null) return undefined;
  return WARNINGS.findLast(({ leftMs }) => expiresAt - nowMs <= leftMs);
}
