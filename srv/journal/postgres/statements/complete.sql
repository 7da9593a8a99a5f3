-- Records a flight's work and gives its lanes back: one transaction (READ COMMITTED), so that results, outcomes, messages and
-- the end of the ownership are seen together or not at all. Whoever crashes before the commit leaves the lanes to the end of
-- their leases, with their intents.

-- :name lock-lanes
-- $1 text[] territories of the flight, $2 bigint[] their fences, $3 text[] related territories that rest too
-- Locks all of them in key order, as an append does, and creates related lanes that are missing. Answers the flight's lanes
-- whose fence holds: the statements below get these only.
with flight as (
  select * from unnest($1::text[], $2::bigint[]) as f(territory_id, fence)
), locked as (
  insert into lanes (territory_id)
  select distinct territory_id collate "C" as territory_id
  from unnest($1::text[] || $3::text[]) as wanted(territory_id)
  order by 1
  on conflict (territory_id) do update set territory_id = excluded.territory_id
  returning territory_id, fence, leased_until, claimed_at, intents_at, intents
)
select locked.territory_id, locked.intents,
       (extract(epoch from locked.claimed_at) * 1000)::float8 as claimed_ms,
       (extract(epoch from locked.intents_at) * 1000)::float8 as intents_ms
from locked join flight using (territory_id)
where locked.fence = flight.fence and locked.leased_until is not null;

-- :name changes-of
-- $1 text[] territories whose fence holds, $2 bigint[] positions that the flight had to do with
-- What was recorded of them before, to which the flight's work is added. Under the lanes' locks nobody else changes it.
select position, change, results, history
from changes
where territory_id = any($1::text[]) and position = any($2::bigint[]) and coalesce(outcome, '') = '';

-- :name record
-- Per change that the flight had to do with, arrays: $1 position, $2 results (JSON text, all of them), $3 ids of the records
-- still open (JSON text), $4 attempts to add, $5 conflicts to add, $6 history (JSON text, all of it, bounded); and where it ended
-- $7 outcome (else null), $8 reason (JSON text or null), $9 dead letter's id or null, $10 whether its lane waits for a decision.
-- Answers how many ended per lane, which is what `pending` falls by. One statement for both, since each new version of a row is
-- written into every index.
with recorded as (
  update changes
  set results = made.results::json,
      open_records = array(select json_array_elements_text(made.open_records::json)),
      attempts = changes.attempts + made.attempts,
      conflicts = changes.conflicts + made.conflicts,
      history = made.history::json,
      outcome = made.outcome,
      reason = made.reason::json,
      dead_letter_id = made.dead_letter_id,
      holds = made.holds,
      ended_at = case when made.outcome is not null then clock_timestamp() end
  from unnest($1::bigint[], $2::text[], $3::text[], $4::int[], $5::int[], $6::text[], $7::text[], $8::text[], $9::text[], $10::boolean[])
    as made(position, results, open_records, attempts, conflicts, history, outcome, reason, dead_letter_id, holds)
  where changes.position = any (array[made.position]) and coalesce(changes.outcome, '') = ''
  returning changes.territory_id, changes.outcome
), ended as (
  select territory_id, count(*)::int as changes from recorded where outcome is not null group by territory_id
), counted as (
  update lanes
  set pending = lanes.pending - ended.changes
  from ended
  where lanes.territory_id = any (array[ended.territory_id])
)
select territory_id, changes as ended from ended;

-- :name give-back
-- Per lane, arrays: $1 territory, $2 memory (JSON text, or null when there is nothing to remember), $3 rest until (epoch
-- milliseconds or null), $4 wait (name or null), $5 delay in milliseconds, $6 smallint[] format of the memory
-- Memory holds the intents still in doubt as well, so those stored before the write go. An ended lease is no reason to
-- refuse: the fence held when the lane was locked. A related lane may have set a longer wait during the flight: it stays.
update lanes
set owner = null,
    leased_until = null,
    memory = done.memory::json,
    rest_until = to_timestamp(done.rest_ms / 1000),
    intents = '{}',
    format = case when lanes.pending = 0 then done.format else greatest(lanes.format, done.format) end,
    waiting_for = case when lanes.not_before >= due.at then lanes.waiting_for else done.wait end,
    not_before = greatest(lanes.not_before, due.at)
from unnest($1::text[], $2::text[], $3::float8[], $4::text[], $5::float8[], $6::smallint[])
  as done(territory_id, memory, rest_ms, wait, delay_ms, format)
cross join lateral (select clock_timestamp() + make_interval(secs => done.delay_ms / 1000) as at) as due
where lanes.territory_id = any (array[done.territory_id]);

-- :name also-rest
-- $1 text[] related territories, $2 float8[] milliseconds
-- After give-back, since a lane of the flight may be among them. The longer wait counts. A lane in flight is not disturbed: its
-- lease keeps it longer, and the wait is there when the flight ends; nor one that is held: the wait is there when it is decided.
update lanes
set waiting_for = case when held > 0 then waiting_for else 'resting' end,
    not_before = case when held > 0 then not_before else due.at end,
    due_at = case when held > 0 then due.at end
from (select territory_id, max(delay_ms) as delay_ms from unnest($1::text[], $2::float8[]) as r(territory_id, delay_ms) group by 1) as rest
cross join lateral (select clock_timestamp() + make_interval(secs => rest.delay_ms / 1000) as at) as due
where lanes.territory_id = any (array[rest.territory_id]) and coalesce(lanes.due_at, lanes.not_before) < due.at;

-- :name hold
-- $1 text[] territories, each as often as a dead letter of it is to be decided before the lane goes on
-- After give-back, which says how long the lane waits besides.
update lanes
set held = held + made.letters, due_at = coalesce(due_at, not_before), not_before = 'infinity'
from (select territory_id, count(*) as letters from unnest($1::text[]) as m(territory_id) group by territory_id) as made
where lanes.territory_id = any (array[made.territory_id]);

-- :name free-slots
-- $1 text[] flights that have ended
-- Since when a place is free counts: see the claim.
update flight_slots set flight = null, held_until = clock_timestamp() where flight = any($1::text[]);
