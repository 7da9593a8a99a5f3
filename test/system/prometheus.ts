/** Prometheus' text format as a record: `name{labels}` → value, comments left out. */

/** @throws RangeError for a line that is none */
export function series(text: string): Readonly<Record<string, number>> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    lines.map((line) => {
      const { name, value } = /^(?<name>[a-zA-Z_:][\w:]*(?:\{.*\})?) (?<value>\S+)$/.exec(line)?.groups ?? {};
      if (name === undefined) throw new RangeError(`not a line of Prometheus: ${line}`);
      return [name, value === '+Inf' ? Infinity : Number(value)];
    }),
  );
}

/** Names of the labels of such a key. */
export function labelNames(key: string): readonly string[] {
  return [...key.matchAll(/[{,](\w+)="/g)].map(([, name = '']) => name);
}
