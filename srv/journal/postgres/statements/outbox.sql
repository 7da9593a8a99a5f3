-- Messages that the mesh has to accept. Queued by the transaction that records an outcome or takes in what cannot be read,
-- published by any instance, deleted once accepted. No order among them is promised.
--
-- Planned while the table is empty, as it is most of the time, all its indexes look alike. `seq + 0` leaves only the one by message id
-- to look a message up with: else the smallest number is looked for in the order of numbers, through all that is unsent (measured with
-- 5,000 unsent: 560 ms for 100 messages, on a machine with a load of 12 on 2 cores). Hence too the form of the other conditions: see
-- the planning of the connections, and migration 0009.

-- :name add
-- Arrays: $1 message id, $2 kind, $3 envelope (JSON text), $4 body, $5 position of the change or null
-- Part of an append's or a completion's transaction.
insert into outbox (message_id, kind, envelope, body, position)
select message_id, kind, envelope::json, body, position
from unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::bigint[]) with ordinality
  as m(message_id, kind, envelope, body, position, n)
order by n;

-- :name unsent-among
-- $1 text[] message ids
select distinct message_id from outbox where message_id = any($1::text[]) and parked_at is null;

-- :name take
-- $1 integer at most, $2 float8 for how long in milliseconds, $3 text[] kinds or null for all
-- Oldest first, each to one publisher. Of several with the same id only the oldest: the later one may be another message, and
-- an id is all that names them to the publisher. (Locked rows are passed over, so two publishers never take the same.)
with picked as (
  select seq
  from outbox as next
  where coalesce(parked_at, 'infinity') = 'infinity' and taken_until <= now()
    and ($3::text[] is null or kind = any($3::text[]))
    and seq = (select min(seq + 0) from outbox as named where named.message_id = next.message_id and named.parked_at is null)
  order by seq
  limit $1::integer
  for update skip locked
), taken as (
  update outbox
  set taken_until = now() + make_interval(secs => $2::float8 / 1000)
  where seq = any (array(select seq from picked))
  returning seq, message_id, kind, envelope, body
)
select message_id, kind, envelope, body from taken order by seq;

-- :name renew
-- $1 text[] message ids that are still being published, $2 float8 for how long in milliseconds
update outbox
set taken_until = now() + make_interval(secs => $2::float8 / 1000)
where seq = any (array(
  select (select min(seq + 0) from outbox as named where named.message_id = asked.id and named.parked_at is null)
  from unnest($1::text[]) as asked(id)
));

-- :name sent
-- $1 text[] message ids
-- When an outcome was accepted is part of its change's path.
with sent as (
  delete from outbox
  where seq = any (array(
    select (select min(seq + 0) from outbox as named where named.message_id = asked.id and named.parked_at is null)
    from unnest($1::text[]) as asked(id)
  ))
  returning position, kind
)
insert into publications (position) select position from sent where position is not null and kind = 'outcome';

-- :name give-back
-- $1 text[] message ids
update outbox
set taken_until = '-infinity'
where seq = any (array(
  select (select min(seq + 0) from outbox as named where named.message_id = asked.id and named.parked_at is null)
  from unnest($1::text[]) as asked(id)
));

-- :name park
-- $1 text[] message ids that the mesh refuses for good
update outbox
set parked_at = clock_timestamp()
where seq = any (array(
  select (select min(seq + 0) from outbox as named where named.message_id = asked.id and named.parked_at is null)
  from unnest($1::text[]) as asked(id)
));
