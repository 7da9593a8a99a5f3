/** What a benchmark gives: a file `test/bench/<name>.ts` that exports `run`. */

/** One measured quantity over its runs. */
export interface Row {
  readonly name: string;
  readonly unit: string;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly runs: number;
}

/** Something that the project says of its figures; where it does not hold, the benchmark fails. */
export interface Claim {
  readonly text: string;
  readonly holds: boolean;
}

export interface Result {
  readonly rows: readonly Row[];
  readonly claims: readonly Claim[];
}

export interface Benchmark {
  /** `say`: a line on the way. */
  run(say: (line: string) => void): Promise<Result>;
}

/** @param values at least one */
export function row(name: string, unit: string, values: readonly number[]): Row {
  const sorted = values.toSorted((a, b) => a - b);
  return {
    name,
    unit,
    median: median(sorted),
    min: sorted[0] ?? Number.NaN,
    max: sorted.at(-1) ?? Number.NaN,
    runs: sorted.length,
  };
}

function median(sorted: readonly number[]): number {
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle)] ?? Number.NaN)) / 2;
}
