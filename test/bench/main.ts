/**
 * `npm run bench -- [name…]`: runs the benchmarks named, or all, one after the other; prints a table of each and writes
 * `test/bench/results/<name>.json`. Exit codes: 0; 1 where a claim does not hold or a benchmark failed; 2 wrong use. With SHORT=1
 * benchmarks take their short forms, whose figures are neither kept nor judged.
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import type { Benchmark, Result, Row } from './runner/benchmark.ts';

const SHORT = process.env['SHORT'] === '1';
const here = new URL('.', import.meta.url);
const known = readdirSync(here)
  .filter((file) => file.endsWith('.ts') && file !== 'main.ts')
  .map((file) => file.slice(0, -'.ts'.length));

process.exitCode = await main(process.argv.slice(2));

async function main(names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    process.stderr.write(`bench: there is no benchmark ${unknown.join(', ')}: ${known.join(', ')}\n`);
    return 2;
  }
  let code = 0;
  for (const name of names.length > 0 ? names : known) {
    try {
      const benchmark = (await import(new URL(`${name}.ts`, here).href)) as Benchmark;
      const result = await benchmark.run(say);
      report(name, result);
      if (!SHORT && !result.claims.every(({ holds }) => holds)) code = 1;
    } catch (error) {
      process.stderr.write(
        `bench: ${name} failed: ${error instanceof Error ? error.stack : String(error)}\n`,
      );
      code = 1;
    }
  }
  return code;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function report(name: string, { rows, claims }: Result): void {
  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    node: process.versions.node,
  };
  if (!SHORT) keep(name, { at: new Date().toISOString(), machine, rows: rows.map(rounded) });
  const width = Math.max(...rows.map((one) => one.name.length));
  say(`\n${name} (${machine.cpu}, ${machine.cores} cores, Node ${machine.node})`);
  say(`${' '.repeat(width)}  ${['median', 'min', 'max'].map((head) => head.padStart(10)).join('')}  unit`);
  for (const one of rows) say(line(one, width));
  for (const { text, holds } of claims) say(`${verdict(holds)}: ${text}`);
}

/** Too few messages to judge by in the short form. */
function verdict(holds: boolean): string {
  if (SHORT) return 'not judged';
  return holds ? 'holds' : 'DOES NOT HOLD';
}

function keep(name: string, content: object): void {
  const folder = new URL('results/', here);
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL(`${name}.json`, folder), `${JSON.stringify(content, undefined, 2)}\n`);
}

function rounded(one: Row): Row {
  const round = (value: number): number => Number(value.toPrecision(4));
  return { ...one, median: round(one.median), min: round(one.min), max: round(one.max) };
}

function line({ name, unit, median, min, max, runs }: Row, width: number): string {
  const digits = max < 10 ? 3 : 0;
  const figures = [median, min, max].map((value) => value.toFixed(digits).padStart(10)).join('');
  return `${name.padEnd(width)}  ${figures}  ${unit} (${runs} runs)`;
}
