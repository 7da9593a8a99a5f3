-- Appends a batch in delivery order: one transaction (READ COMMITTED), all or nothing.
--
-- The order of a lane is the order of its positions, so positions are taken under the lane's lock. A bigserial alone is not
-- commit order: of two writers on one lane, the one that took the lower number may commit later, and a flight that reads
-- in between works on the higher one first (measured: 33 of 800 events out of sequence).
--
-- Two receivers may append the same events for a while (a half-open link). Each appends what the queue gave it, in its
-- order, so whoever is first with an event is right about its place, and the other one finds a duplicate.

-- :name lock-lanes
-- $1 text[] territories of the batch's changes
-- Locks the lanes in key order, and creates those that are missing: every transaction that needs several lanes takes them in
-- this order, so no two wait for each other. ON CONFLICT DO UPDATE rather than SELECT FOR UPDATE: one statement both for lanes
-- that exist and for those that another transaction is creating at this moment. Collation "C": the order must be the same for
-- every client, whatever its locale.
insert into lanes (territory_id)
select distinct territory_id collate "C" as territory_id
from unnest($1::text[]) as batch(territory_id)
order by 1
on conflict (territory_id) do update set territory_id = excluded.territory_id;

-- :name insert-changes
-- $1 smallint format, then arrays in delivery order: $2 territory, $3 source, $4 id, $5 digest, $6 change (JSON text),
-- $7 body, $8 content type, $9 received at (epoch milliseconds), $10 record ids of each change (a JSON array, each id once)
-- Answers index (from 1) and position of what was new. A separate statement: its snapshot is taken after the locks, so pending
-- counts are right. What is known already, from before or from this batch itself, is passed over by the unique constraint, also
-- where the transaction that brought it commits only now; a position is lost then, which is harmless.
-- nextval() stands outside the ordered subquery, so that it is called in the order of delivery.
with arrival as (
  select *
  from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[], $8::text[], $9::float8[], $10::text[])
    with ordinality
    as a(territory_id, source, id, digest, change, body, content_type, received_ms, records, n)
  order by n
), inserted as (
  insert into changes
    (position, territory_id, source, id, digest, change, body, content_type, received_at, open_records)
  select nextval('journal_position'), territory_id, source, id, digest, change::json, body, content_type,
         to_timestamp(received_ms / 1000), array(select json_array_elements_text(records::json))
  from arrival
  on conflict on constraint changes_event do nothing
  returning position, territory_id, source, id
), counted as (
  update lanes
  set pending = lanes.pending + new.changes,
      format = greatest(lanes.format, $1::smallint),
      -- A lane with nothing pending becomes ready now; one that waits goes on waiting.
      not_before = case when lanes.pending = 0
                        then greatest(lanes.not_before, clock_timestamp()) else lanes.not_before end
  -- In the order of arrival: whose change came first has been ready longest.
  from (select territory_id, count(*) as changes from inserted group by territory_id order by min(position)) as new
  where lanes.territory_id = any (array[new.territory_id])
)
-- The same event twice in one batch: the first of them is the one that was inserted.
select min(arrival.n)::int as index, inserted.position
from inserted join arrival using (source, id)
group by inserted.position
order by 1;

-- :name known-changes
-- $1 text[] source, $2 text[] id, of the arrivals that were not new
-- Tells a duplicate (same digest) from a clash (another one), and whether anything is still to come of it. A statement of its
-- own again: what a concurrent transaction committed while the insert waited for it is visible only now.
select asked.n::int as index, changes.digest,
       changes.outcome is null or exists (
         select from outbox where outbox.position = changes.position and parked_at is null
       ) as pending
from unnest($1::text[], $2::text[]) with ordinality as asked(source, id, n)
join changes on changes.source = any (array[asked.source]) and changes.id = any (array[asked.id])
where changes.run || '' = ''
order by asked.n;

-- :name lock-unreadable
-- $1 text[] source, $2 text[] id
-- Of two receivers with two unreadable payloads under one source and id, the second finds the first one's. There is no row to lock
-- before the first, hence advisory locks, always after the lanes and in the order of their keys.
select pg_advisory_xact_lock(key)
from (
  select distinct hashtextextended(event.source || ' ' || event.id, 0) as key
  from unnest($1::text[], $2::text[]) as event(source, id)
  order by 1
) as keys;

-- :name known-unreadable
-- $1 text[] source, $2 text[] id
-- Tells what has these names already: the digests of unreadable payloads, and whether a change has them. A statement after the
-- locks, so that it sees what was committed while they were waited for.
select array(
         select digest from unreadable where unreadable.source = asked.source and unreadable.id = asked.id
       ) as digests,
       exists (
         select from changes where changes.source = asked.source and changes.id = asked.id and run || '' = '' offset 0
       ) as is_change
from unnest($1::text[], $2::text[]) with ordinality as asked(source, id, n)
order by asked.n;

-- :name insert-unreadable
-- Arrays in delivery order: $1 source, $2 id, $3 digest, $4 body, $5 content type, $6 received at (epoch milliseconds), and of the
-- dead letter $7 id, $8 number of the run, $9 territory or null, $10 code, $11 message, $12 envelope (JSON text)
-- Answers the index (from 1) of what was new; the adapter queues the messages of these only.
with arrival as (
  select *
  from unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::text[], $6::float8[],
              $7::text[], $8::integer[], $9::text[], $10::text[], $11::text[], $12::text[]) with ordinality
    as a(source, id, digest, body, content_type, received_ms, letter, run, territory_id, code, message, envelope, n)
), inserted as (
  insert into unreadable
    (source, id, digest, body, content_type, received_at, dead_letter_id, run, territory_id, code, message, envelope)
  select source, id, digest, body, content_type, to_timestamp(received_ms / 1000), letter, run, territory_id, code, message,
         envelope::json
  from arrival
  order by n
  on conflict do nothing
  returning source, id, digest
)
select min(arrival.n)::int as index
from inserted join arrival using (source, id, digest)
group by source, id, digest
order by 1;

-- :name unreadable-again
-- As insert-unreadable, of one: it was to run again and cannot be read still.
insert into unreadable
  (source, id, digest, body, content_type, received_at, dead_letter_id, run, territory_id, code, message, envelope)
values ($1::text, $2::text, $3::text, $4::bytea, $5::text, to_timestamp($6::float8 / 1000), $7::text, $8::integer, $9::text,
        $10::text, $11::text, $12::json)
on conflict (source, id, digest) do update
set received_at = excluded.received_at, dead_letter_id = excluded.dead_letter_id, run = excluded.run,
    territory_id = excluded.territory_id, code = excluded.code, message = excluded.message, envelope = excluded.envelope;
