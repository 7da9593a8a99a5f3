/** After the report: Enter publishes one more change and shows what becomes of it. */
import { createInterface } from 'node:readline';
import type { Owned } from './owned.ts';
import type { ProgressOutput } from './progress.ts';
import type { Scenario } from './scenario.ts';
import type { DemoSystem } from './system.ts';

const PATIENCE_MS = 60_000;

/** Listens to the keyboard until `owned` ends it. */
export function offerOneMore(
  system: DemoSystem,
  scenario: Scenario,
  owned: Owned,
  output: ProgressOutput,
): void {
  const keyboard = createInterface({ input: process.stdin });
  owned.signal.addEventListener('abort', () => keyboard.close());
  let count = 0;
  // One after the other: Enter held down does not flood anything.
  let busy = false;
  keyboard.on('line', () => {
    if (busy) return;
    busy = true;
    count += 1;
    publishOneMore(system, scenario, count)
      .then(
        (line) => output.write(`${line}\n`),
        (error: unknown) => {
          // Cut short by the end, which is no news.
          if (!owned.signal.aborted) output.write(`${String(error)}\n`);
        },
      )
      .finally(() => (busy = false));
  });
}

/** What became of the nth change after the case, in one line. */
async function publishOneMore(system: DemoSystem, scenario: Scenario, n: number): Promise<string> {
  const change = scenario.oneMore(n);
  const [assignment] = change.assignments;
  const what = `${change.territoryId} ${assignment?.id} ${JSON.stringify(assignment?.fields)}`;
  const startedMs = performance.now();
  await system.publish(change);
  await system.untilEnded(scenario.changes.length + n, PATIENCE_MS);
  const told = system.outcomes().findLast(({ data }) => data.change.id === change.id);
  if (told === undefined) return `${what}: no outcome within ${PATIENCE_MS / 1000} s`;
  const etag = told.data.assignments[0]?.etag ?? 'none';
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  return `${what}: ${told.data.outcome} after ${seconds} s, ETag ${etag}`;
}
