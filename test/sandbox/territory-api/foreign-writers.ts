/** Other programs that write the same records: an update every so often, to records and fields chosen by a seed. */
import type { Fields, SandboxRecord, Scalar } from './record.ts';
import { SeededRandom } from './seeded-random.ts';
import type { SandboxClock } from './time.ts';

/** Of all foreign writers together, before the time scale: the time between two writes, or the writes a second. */
export type ForeignPace =
  | { readonly everyMs: number; readonly rate?: undefined }
  | { readonly rate: number; readonly everyMs?: undefined };

export type ForeignWriterOptions = ForeignPace & {
  /** Share of the records existing at the start that they write at all, 0 to 1; default 1. */
  readonly share?: number;
  /** Fields of which each write sets one: other ones than the events set, or the same. */
  readonly fields: readonly [string, ...string[]];
  /** Default 1. */
  readonly seed?: number;
  /** Value of the nth write, from 1; default `foreign-<n>`. */
  readonly value?: (n: number) => Scalar;
  /** They end by themselves after so many writes. */
  readonly times?: number;
};

export interface ForeignWriters {
  /** How many writes were done. */
  readonly writes: number;
  /** Ends them; twice does nothing. */
  stop(): void;
}

/** Writes one record's fields; false when it does not exist any more. */
export type ForeignWrite = (record: SandboxRecord, fields: Fields) => boolean;

/** Starts them. The first write comes after one interval, which `timeScale` multiplies. Who starts them stops them. */
export function startForeignWriters(
  options: ForeignWriterOptions,
  records: readonly SandboxRecord[],
  { clock, timeScale }: { readonly clock: SandboxClock; readonly timeScale: number },
  write: ForeignWrite,
): ForeignWriters {
  const { share = 1, fields, seed = 1, value = (n) => `foreign-${n}`, times = Infinity } = options;
  const everyMs = (options.everyMs ?? 1000 / options.rate) * timeScale;
  if (!(everyMs > 0 && everyMs < Infinity)) {
    throw new RangeError('foreign writers: everyMs or rate must be above 0 and finite');
  }
  const random = new SeededRandom(seed, 'foreign writers');
  const chosen = records.filter(() => random.fraction() < share);
  let writes = 0;
  let dueMs = clock.monotonicMs();
  let timer: { cancel(): void } | undefined;

  const schedule = () => {
    // Due times add up, so that a busy machine does not lower the rate.
    dueMs += everyMs;
    timer = clock.after(Math.max(0, dueMs - clock.monotonicMs()), tick);
  };
  const tick = () => {
    const record = chosen[random.below(chosen.length)];
    const field = fields[random.below(fields.length)];
    if (record !== undefined && field !== undefined && write(record, { [field]: value(writes + 1) }))
      writes += 1;
    if (writes < times) schedule();
  };
  if (chosen.length > 0) schedule();

  return {
    get writes() {
      return writes;
    },
    stop: () => timer?.cancel(),
  };
}
