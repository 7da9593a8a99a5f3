/** Puts a running client through the scenario, and measures and judges what became of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stats } from '../sandbox/territory-api/index.ts';
import { check, type Findings } from '../system/checker.ts';
import { countEnded, type OutcomeEvent } from '../system/world.ts';
import { startProgress, type ProgressOutput } from './progress.ts';
import type { Scenario } from './scenario.ts';
import type { DemoSystem } from './system.ts';

/** What has not ended then is reported as not ended. */
const PATIENCE_MS = 120_000;

/** A client's way through the scenario. */
export interface Play {
  readonly outcomes: readonly OutcomeEvent[];
  /** From the first publish to the last outcome, or until the patience was over. */
  readonly elapsedMs: number;
  /** The API's own counts. */
  readonly stats: Stats;
  readonly findings: Findings;
}

export interface PlayOptions {
  /** Of the client, for the progress. */
  readonly title: string;
  readonly output: ProgressOutput;
  /** Ends it early: it then rejects. */
  readonly signal: AbortSignal;
}

/** Publishes burst by burst while other writers write, until every change has an outcome. */
export async function play(
  system: DemoSystem,
  scenario: Scenario,
  { title, output, signal }: PlayOptions,
): Promise<Play> {
  const total = scenario.changes.length;
  const startedMs = performance.now();
  const elapsedMs = () => performance.now() - startedMs;
  const progress = startProgress({ title, total, output }, () => ({
    ended: countEnded(system.outcomes()),
    elapsedMs: elapsedMs(),
    writes: system.api.stats().writes,
    conflicts: conflictsOf(system.api.stats()),
  }));
  const writers = system.api.startForeignWriters(scenario.foreignWriters);
  try {
    for (const { atMs, changes } of scenario.bursts) {
      await sleep(Math.max(0, atMs - elapsedMs()), undefined, { signal });
      await Promise.all(changes.map((change) => system.publish(change)));
    }
    await system.untilEnded(total, PATIENCE_MS);
    const tookMs = elapsedMs();
    return { elapsedMs: tookMs, stats: system.api.stats(), ...judge(system, scenario) };
  } finally {
    writers.stop();
    progress.stop();
  }
}

/** Record writes that the API refused because of their version. */
export function conflictsOf({ conflicts409, conflicts412 }: Stats): number {
  return conflicts409 + conflicts412;
}

function judge(system: DemoSystem, scenario: Scenario): Pick<Play, 'outcomes' | 'findings'> {
  const { api } = system;
  const outcomes = system.outcomes();
  const run = { published: scenario.changes, outcomes, history: api.history(), records: api.records() };
  return { outcomes, findings: check(run) };
}
