/** A level over time, drawn in text: one line a step of the scale, one column a part of the time. */

export interface Sample {
  readonly atMs: number;
  readonly value: number;
}

export interface ChartSize {
  readonly columns: number;
  readonly lines: number;
}

/**
 * The scale begins at 0 and ends at the highest value. A column shows the highest value of its time; one without a sample shows the last
 * value before it, as a level keeps its value until it changes.
 * @param samples in the order of their times
 * @returns no line where there is no sample
 */
export function chart(
  title: string,
  samples: readonly Sample[],
  { columns, lines }: ChartSize,
): readonly string[] {
  const [first] = samples;
  const last = samples.at(-1);
  if (!first || !last) return [];
  const spanMs = Math.max(1, last.atMs - first.atMs);
  const columnOf = ({ atMs }: Sample) =>
    Math.min(columns - 1, Math.floor((columns * (atMs - first.atMs)) / spanMs));
  const byColumn = Map.groupBy(samples, columnOf);
  const levels: number[] = [];
  for (let column = 0, level = first.value; column < columns; column += 1) {
    const within = byColumn.get(column) ?? [];
    levels.push(within.length > 0 ? Math.max(...within.map(({ value }) => value)) : level);
    level = within.at(-1)?.value ?? level;
  }
  const top = Math.max(...levels);
  const heights = levels.map((level) => (top > 0 ? Math.round((lines * level) / top) : 0));
  const width = Math.max(...[0, top].map((value) => value.toFixed(0).length));
  const rows = Array.from({ length: lines }, (_, index) => {
    const height = lines - index;
    const label = ((top * height) / lines).toFixed(0).padStart(width);
    return `${label} |${heights.map((reached) => (reached >= height ? '#' : ' ')).join('')}`.trimEnd();
  });
  const seconds = `${(spanMs / 1000).toFixed(1)} s`;
  return [
    title,
    ...rows,
    `${'0'.padStart(width)} +${'-'.repeat(columns)}`,
    `${' '.repeat(width)}  0${seconds.padStart(columns - 1)}`,
  ];
}
