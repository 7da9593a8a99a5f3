-- Forgets by age, in batches that one instance runs with pauses between them. Each finds what is due by an index made for it
-- (now() rather than clock_timestamp(): only what stands still during a statement can bound an index scan), takes the oldest, and passes over
-- rows that somebody has locked: they are due next time as well. What was found is a list, not a table to join with: on small
-- tables the join became a scan of the whole. Ended changes only, so no append and no claim ever waits for
-- it; an append of a known event at the very moment of its deletion waits for one batch.

-- :name take-turn
-- $1 float8 milliseconds until the next one
-- Of several that ask at once, all but one wait for the row and find it moved on.
update turns
set due_at = clock_timestamp() + make_interval(secs => $1::float8 / 1000)
where task = 'retention' and due_at <= clock_timestamp()
returning task;

-- :name payloads
-- $1 float8 age in milliseconds, $2 integer at most
-- Values and bytes go. Ids of records and names of fields stay until the change goes: see `later-changes`.
with due as (
  select position
  from changes
  where outcome is not null and dead_letter_id is null and kept = 2
    and ended_at < now() - make_interval(secs => $1::float8 / 1000)
  order by ended_at, position
  limit $2::integer
  for update skip locked
), done as (
  update changes
  set kept = 1, body = '', content_type = null,
      change = json_build_object(
        'id', change->'id', 'source', change->'source', 'type', change->'type',
        'territoryId', change->'territoryId', 'relatedTo', change->'relatedTo',
        'assignments', (
          select json_agg(json_build_object('id', made.assignment->'id', 'operation', made.assignment->'operation', 'fields', coalesce(
                   (select json_object_agg(field.name, null) from json_object_keys(made.assignment->'fields') as field(name)), '{}'))
                 order by made.n)
          from json_array_elements(change->'assignments') with ordinality as made(assignment, n)
        ))
  where position = any (array(select position from due))
  returning position
)
select count(*)::int as rows from done;

-- :name histories
-- $1 float8 age in milliseconds, $2 integer at most
-- Only where the key has to stay longer than the history; else `changes` has taken the row.
with due as (
  select position
  from changes
  where outcome is not null and dead_letter_id is null and kept = 1
    and ended_at < now() - make_interval(secs => $1::float8 / 1000)
  order by ended_at, position
  limit $2::integer
  for update skip locked
), done as (
  update changes
  set kept = 0, history = '[]', reason = null, replay = null
  where position = any (array(select position from due))
  returning position
), published as (
  delete from publications where position = any (array(select position from due))
)
select count(*)::int as rows from done;

-- :name changes
-- $1 smallint what is left of them, $2 float8 age of the history in milliseconds, $3 float8 age of the key, $4 float8 age of dead
-- letters, $5 integer at most, $6 text ended at and $7 bigint position of the last one of the batch before
-- The whole row. Not while an earlier change of the lane is an open dead letter or runs again: it must not undo this one; nor
-- while a message of it is unsent. What stays for that is passed over once a turn, since each batch begins behind the one before.
with due as (
  select position
  from changes
  where outcome is not null and dead_letter_id is null and kept = $1::smallint
    and ended_at < now() - make_interval(secs => $2::float8 / 1000)
    and (ended_at, position) > ($6::timestamptz, $7::bigint)
    and appended_at < now() - make_interval(secs => $3::float8 / 1000)
    -- Its copy on the dead-letter queue may come back without saying that it is one.
    and (outcome <> 'failed' or ended_at < now() - make_interval(secs => $4::float8 / 1000))
    and not exists (
      select from changes as letter
      where letter.territory_id = changes.territory_id and letter.dead_letter_id is not null and letter.position < changes.position
      offset 0
    )
    and not exists (
      select from changes as pending
      where pending.territory_id = changes.territory_id and pending.outcome is null and pending.position < changes.position
      offset 0
    )
    and not exists (select from outbox where outbox.position = changes.position and parked_at is null offset 0)
  order by ended_at, position
  limit $5::integer
  for update skip locked
), done as (
  delete from changes where position = any (array(select position from due))
  returning ended_at, position
), published as (
  delete from publications where position = any (array(select position from due))
)
select count(*) over ()::int as rows, ended_at::text, position
from done
order by done.ended_at desc, done.position desc
limit 1;

-- :name letters
-- $1 float8 age in milliseconds, $2 integer at most
-- An open dead letter ends undecided: from now on it is an ended change like others, and old enough to go. Not one that holds its
-- lane: to let the lane go on is a person's decision.
with due as (
  select position, dead_letter_id
  from changes
  where dead_letter_id is not null and not holds
    and ended_at < now() - make_interval(secs => $1::float8 / 1000)
  order by ended_at, dead_letter_id
  limit $2::integer
  for update skip locked
), done as (
  update changes
  set dead_letter_id = null
  where position = any (array(select position from due))
)
select dead_letter_id from due;

-- :name unreadable-letters
-- $1 float8 age in milliseconds, $2 integer at most
-- The same for what could not be read. The row stays as long as the mesh may bring it again.
with due as (
  select dead_letter_id
  from unreadable
  where dead_letter_id is not null and received_at < now() - make_interval(secs => $1::float8 / 1000)
  order by received_at, dead_letter_id
  limit $2::integer
  for update skip locked
), done as (
  update unreadable set dead_letter_id = null where dead_letter_id = any (array(select dead_letter_id from due))
)
select dead_letter_id from due;

-- :name warn-unreadable
-- As `warn`, of what could not be read.
insert into expiry_warnings (dead_letter_id, within_days)
select dead_letter_id, $2::smallint
from unreadable
where dead_letter_id is not null and received_at < now() - make_interval(secs => $1::float8 / 1000)
  and not exists (
    select from expiry_warnings as given
    where given.dead_letter_id = unreadable.dead_letter_id and given.within_days <= $2::smallint
  )
order by received_at, dead_letter_id
limit $3::integer
on conflict do nothing
returning dead_letter_id;

-- :name warn
-- $1 float8 age in milliseconds from which the end is near, $2 smallint days that are left, $3 integer at most
insert into expiry_warnings (dead_letter_id, within_days)
select dead_letter_id, $2::smallint
from changes
where dead_letter_id is not null and not holds
  and ended_at < now() - make_interval(secs => $1::float8 / 1000)
  and not exists (
    select from expiry_warnings as given
    where given.dead_letter_id = changes.dead_letter_id and given.within_days <= $2::smallint
  )
order by ended_at, dead_letter_id
limit $3::integer
on conflict do nothing
returning dead_letter_id;

-- :name warnings
-- $1 float8 age in milliseconds, $2 integer at most
with done as (
  delete from expiry_warnings
  where ctid = any (array(
    select ctid from expiry_warnings
    where warned_at < now() - make_interval(secs => $1::float8 / 1000)
    order by warned_at
    limit $2::integer
    for update skip locked
  ))
  returning 1
)
select count(*)::int as rows from done;

-- :name unreadable
-- $1 float8 age in milliseconds, $2 integer at most
with done as (
  delete from unreadable
  where ctid = any (array(
    select ctid from unreadable
    where received_at < now() - make_interval(secs => $1::float8 / 1000)
    order by received_at
    limit $2::integer
    for update skip locked
  ))
  returning 1
)
select count(*)::int as rows from done;

-- :name decisions
-- $1 float8 age in milliseconds, $2 integer at most
-- A decision outlives the copies of its dead letter that the mesh may still bring.
with done as (
  delete from decisions
  where dead_letter_id = any (array(
    select dead_letter_id from decisions
    where decided_at < now() - make_interval(secs => $1::float8 / 1000)
      and not exists (select from changes where changes.position = decisions.position and coalesce(outcome, '') = '' offset 0)
    order by decided_at
    limit $2::integer
    for update skip locked
  ))
  returning 1
)
select count(*)::int as rows from done;

-- :name parked
-- $1 float8 age in milliseconds, $2 integer at most
with done as (
  delete from outbox
  where seq = any (array(
    select seq from outbox
    where parked_at < now() - make_interval(secs => $1::float8 / 1000)
    order by parked_at
    limit $2::integer
    for update skip locked
  ))
  returning 1
)
select count(*)::int as rows from done;
