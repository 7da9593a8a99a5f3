/** A backlog of any size at once, without appending it: what a claim costs must not depend on it. */
import { claim, nothingDone, type Stage } from './stage.ts';

const LANES = 1000;

const FILL = `
  with changed as (
    insert into changes (position, territory_id, source, id, digest, change, body, received_at, open_records)
    select nextval('journal_position'), 'L' || n % ${LANES}, '/default/crm/bench', 'fill ' || currval('journal_position'), 'd',
           json_build_object('id', 'fill', 'assignments', json_build_array(
             json_build_object('id', 'T' || n % 10, 'operation', 'update', 'fields', json_build_object('owner', 'E' || n)))),
           'body', now(), array['T' || n % 10]
    from generate_series(1, $1::integer) as n
    returning territory_id
  )
  insert into lanes (territory_id, pending)
  select territory_id, count(*) from changed group by territory_id
  on conflict (territory_id) do update set pending = lanes.pending + excluded.pending`;

/** Adds pending changes until there are so many. */
export async function fillUpTo({ database }: Stage, have: number, wanted: number): Promise<void> {
  // In parts: one statement that is too long shows nothing of its progress and holds its locks.
  for (let from = have; from < wanted; from += 50_000) {
    await database.query(FILL, [Math.min(50_000, wanted - from)]);
  }
  await database.query('vacuum analyze changes');
  await database.query('vacuum analyze lanes');
}

/** Times in milliseconds of so many claims, each of which is given back. */
export async function timeClaims(stage: Stage, claims: number): Promise<readonly number[]> {
  const times: number[] = [];
  for (let turn = 0; turn < claims; turn += 1) {
    const startedAtMs = performance.now();
    const lanes = await claim(stage);
    times.push(performance.now() - startedAtMs);
    if (lanes.length === 0) throw new Error('nothing was ready');
    await stage.journal.complete(lanes.map(nothingDone));
  }
  return times;
}

export function percentile(times: readonly number[], share: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
