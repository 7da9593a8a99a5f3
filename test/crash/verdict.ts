/** What must be true of a run when everything has ended, whatever was done to it: judged by what others can see, and by the journal's rows. */
import { expect } from 'vitest';
import { readyIn } from '../faults/mesh/rabbitmq-queue.ts';
import { check } from '../system/checker.ts';
import { flawless } from '../system/findings.ts';
import type { Stage } from './stage.ts';

/** Every change of the traffic has an outcome already. */
export async function expectUnharmed({ system, traffic, postgres, ...stage }: Stage): Promise<void> {
  expect(stage.endedByThemselves).toEqual([]);
  const { published } = traffic;
  const history = system.api.history();
  const outcomes = system.outcomes();
  const found = check({ published, outcomes, history, records: system.api.records() });
  expect(found).toEqual(flawless(published.length));
  // One outcome event each; the same one may come again.
  expect(new Set(outcomes.map(({ id }) => id)).size).toBe(published.length);
  expect(repeatedValues(history)).toEqual([]);
  await expect.poll(() => left(postgres), { timeout: 30_000 }).toEqual([]);
  const rows = await postgres.query(
    `select count(*)::int as changes, count(outcome)::int as ended from changes`,
  );
  expect(rows).toEqual([{ changes: published.length, ended: published.length }]);
  const { work, deadLetters } = system.queues;
  await expect.poll(() => readyIn(work), { timeout: 30_000 }).toBe(0);
  expect(await readyIn(deadLetters)).toBe(0);
}

/** Values that a record got twice of us: each is set by one change only. */
function repeatedValues(history: ReturnType<Stage['system']['api']['history']>): readonly string[] {
  const seen = new Set<string>();
  return history
    .filter(({ by }) => by === 'client')
    .flatMap(({ recordId, fields }) =>
      Object.entries(fields).map(([field, value]) => JSON.stringify([recordId, field, value])),
    )
    .filter((written) => seen.size === seen.add(written).size);
}

/** What is not done with in the journal. */
function left({ query }: Stage['postgres']) {
  return query(
    `select 'lane ' || territory_id as what from lanes where pending > 0 or owner is not null or intents <> '{}'
     union all select 'message ' || message_id from outbox`,
  );
}
