-- What operators work with: dead letters from the database, lanes that a dead letter holds, switches for all instances, the
-- instances themselves, and the rest of a change's path. Only additions, so that the version before goes on beside it; what that
-- one takes in as unreadable meanwhile is listed on the dead-letter queue alone, and it obeys no switch.

-- Who decided, and the dead letter as it was: its change's row goes on with the next run.
alter table decisions
  -- Null where nobody was asked: its message was moved back to the work queue.
  add column decided_by text,
  add column note text,
  add column territory_id text,
  add column source text,
  add column change_id text,
  -- Of what could not be read.
  add column digest text,
  -- Number of the run that failed.
  add column run integer,
  add column code text,
  add column message text,
  add column failed_at timestamptz,
  add column received_at timestamptz,
  add column attempts integer,
  add column conflicts integer,
  add column history json;

alter table unreadable
  -- Until it is decided.
  add column dead_letter_id text,
  add column run integer not null default 0,
  add column territory_id text,
  add column code text,
  add column message text,
  -- The message without its body, to be read again when it is replayed.
  add column envelope json;

alter table lanes
  -- Dead letters that it waits for: nobody claims it until each of them is decided. Meanwhile not_before is infinity, which
  -- every version keeps to and which is no part of a claim's range, and due_at what it was.
  add column held integer not null default 0,
  add column due_at timestamptz,
  -- By the present owner, or the last one.
  add column claimed_at timestamptz,
  add column intents_at timestamptz;

-- Its lane waits for the decision on it.
alter table changes add column holds boolean not null default false;

-- Every dead letter, undecided and decided, in three parts, each with an index for each order in which it is read. The parts are
-- views of their own: of the whole PostgreSQL 15 sorts all there are, however few are asked for (seen in its plans).
create view letters_of_changes as
select dead_letter_id as id, true as is_open, null::text as action, null::timestamptz as decided_at, null::text as decided_by,
       null::text as note, territory_id, source, changes.id as change_id, null::text as digest, position, decision as run,
       reason->>'code' as code, reason->>'message' as message, ended_at as failed_at,
       coalesce(to_timestamp((replay->>'firstReceivedAt')::float8 / 1000), received_at) as received_at,
       attempts, conflicts, history
from changes
where dead_letter_id is not null;

create view letters_of_unreadable as
select dead_letter_id as id, true as is_open, null::text as action, null::timestamptz as decided_at, null::text as decided_by,
       null::text as note, territory_id, source, unreadable.id as change_id, digest, null::bigint as position, run,
       code, message, received_at as failed_at, received_at, 0 as attempts, 0 as conflicts, '[]'::json as history
from unreadable
where dead_letter_id is not null;

create view letters_decided as
select dead_letter_id as id, false as is_open, action, decided_at, decided_by, note, territory_id, source, change_id, digest,
       position, run, code, message, failed_at, received_at, attempts, conflicts, history
from decisions
where failed_at is not null;

create view dead_letters as
select * from letters_of_changes
union all
select * from letters_of_unreadable
union all
select * from letters_decided;

create index changes_letters on changes (ended_at, dead_letter_id) where dead_letter_id is not null;
create index changes_letters_lane on changes (territory_id, ended_at, dead_letter_id) where dead_letter_id is not null;
create index changes_letters_code on changes ((reason->>'code'), ended_at, dead_letter_id) where dead_letter_id is not null;
create unique index unreadable_dead_letter on unreadable (dead_letter_id) where dead_letter_id is not null;
create index unreadable_letters on unreadable (received_at, dead_letter_id) where dead_letter_id is not null;
create index unreadable_letters_lane on unreadable (territory_id, received_at, dead_letter_id) where dead_letter_id is not null;
create index unreadable_letters_code on unreadable (code, received_at, dead_letter_id) where dead_letter_id is not null;
create index decisions_letters on decisions (failed_at, dead_letter_id) where failed_at is not null;
create index decisions_letters_lane on decisions (territory_id, failed_at, dead_letter_id) where failed_at is not null;
create index decisions_letters_code on decisions (code, failed_at, dead_letter_id) where failed_at is not null;
create index decisions_change on decisions (change_id) where change_id is not null;

-- As operators see a lane. One place for what its state is.
create view lane_states as
select territory_id, pending, paused, held, fence, owner,
       case when leased_until > now() then 'in-flight'
            when paused then 'paused'
            when held > 0 then 'held'
            when not_before > now() then coalesce(waiting_for, 'ready')
            else 'ready' end as state,
       case when held = 0 and waiting_for is not null and not_before > now()
            then (extract(epoch from not_before) * 1000)::float8 end as waits_ms
from lanes;

create index lanes_shown on lanes (territory_id) where pending > 0 or paused or held > 0;

-- When the mesh accepted an outcome. Rows of their own, only ever added: the change's row is wide and has many indexes, so
-- that a new version of it for one time of day would cost several times as much.
create table publications (
  position bigint not null,
  at       timestamptz not null default clock_timestamp()
);
create index publications_position on publications (position);

-- What an operator stops for all instances: receiving, and flights.
create table switches (
  what    text primary key check (what in ('intake', 'flights')),
  paused  boolean not null default false,
  -- Grows with each resume: an instance that was started paused sees that it was meant too.
  resumes integer not null default 0
);
insert into switches (what) values ('intake'), ('flights');

-- Those that live have been seen lately.
create table instances (
  instance text primary key,
  seen_at  timestamptz not null default clock_timestamp()
);
