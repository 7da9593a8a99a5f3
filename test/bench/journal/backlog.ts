/** A backlog of any size at once, without appending it: what a claim costs must not depend on it. */
import { claim, nothingDone, type Stage } from './stage.ts';

/** As many in each lane whatever the backlog, so that every claim has as much to hand out; more lanes wait. */
const CHANGES_PER_LANE = 100;

const FILL = `
  with changed as (
    insert into changes (position, territory_id, source, id, digest, change, body, received_at, open_records)
    select nextval('journal_position'), 'L' || n % $2::integer, '/default/crm/bench', 'fill ' || currval('journal_position'), 'd',
           json_build_object('id', 'fill', 'assignments', json_build_array(
             json_build_object('id', record, 'operation', 'update', 'fields', json_build_object('owner', 'E' || n)))),
           'body', now(), array[record]
    from generate_series($1::integer, $3::integer) as n
    cross join lateral (select 'T' || n / $2::integer % 10 as record) as chosen
    returning territory_id
  )
  insert into lanes (territory_id, pending)
  select territory_id, count(*) from changed group by territory_id
  on conflict (territory_id) do update set pending = lanes.pending + excluded.pending`;

/** An empty journal gets so many pending changes, in turn over its lanes as they arrive. */
export async function fill({ database }: Stage, wanted: number): Promise<void> {
  // In parts: one statement that is too long shows nothing of its progress and holds its locks.
  for (let from = 0; from < wanted; from += 50_000) {
    await database.query(FILL, [from, wanted / CHANGES_PER_LANE, Math.min(from + 50_000, wanted) - 1]);
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
