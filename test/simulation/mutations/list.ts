/** The mutations, and the seed that catches each: `mutations.json` is written by `npm run simulate -- --mutations --find`. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Mutation } from './install.ts';

/** What caught it: a scenario, or a seed; nothing yet where all three are absent. */
export interface RecordedMutation {
  readonly mutation: Mutation;
  readonly scenario?: string;
  readonly seed?: number;
  readonly rule?: string;
}

const FILE = new URL('mutations.json', import.meta.url);

export function readMutations(): readonly RecordedMutation[] {
  return JSON.parse(readFileSync(FILE, 'utf8')) as readonly RecordedMutation[];
}

export function recordSeeds(recorded: readonly RecordedMutation[]): void {
  writeFileSync(FILE, `${JSON.stringify(recorded, undefined, 2)}\n`);
}
