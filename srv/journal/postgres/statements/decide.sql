-- What people decide of dead letters. A dead letter that was a change of a lane is that change's row: a replay opens it again in its
-- old place. Others (what could not be read and was edited) come as new rows. All of it part of a transaction.

-- :name lane-of
-- $1 text dead letter
-- The lane to lock before anything else, as a completion does; none for what could not be read.
select territory_id from changes where dead_letter_id = $1::text;

-- :name lock-letters
-- $1 text[] dead letters that are to run again
-- Their changes in the order in which an erasure locks them, after their lanes. (`+ 0`: found by their ids, then sorted.)
select from changes where dead_letter_id = any($1::text[]) order by position + 0 for update;

-- :name decide
-- $1 text dead letter, $2 text action, $3 text[] ids of messages that tell of it, $4 text by or null, $5 text note or null
-- Answers it if it was not decided before. A second decision at the same time waits here for the first. The dead letter is kept
-- as it was; one that is in no list (older than these, or of another journal) only by its id.
insert into decisions
  (dead_letter_id, action, position, message_ids, decided_by, note,
   territory_id, source, change_id, digest, run, code, message, failed_at, received_at, attempts, conflicts, history)
select $1::text, $2::text, position, $3::text[], $4::text, $5::text,
       territory_id, source, change_id, digest, run, code, message, failed_at, received_at, attempts, conflicts, history
from (select) as always
left join (select * from dead_letters where is_open and id = $1::text) as letter on true
on conflict do nothing
returning dead_letter_id, position;

-- :name decided
-- $1 text dead letter
-- Whether anything is still to come of what was decided.
select exists (
         select from outbox where message_id = any(decisions.message_ids) and parked_at is null
       ) or decisions.action = 'replay' and exists (
         select from outbox where outbox.position = decisions.position and parked_at is null
       ) or decisions.action = 'replay' and exists (
         select from changes where changes.position = decisions.position and coalesce(outcome, '') = ''
       ) as pending
from decisions
where dead_letter_id = $1::text;

-- :name dead-change
-- $1 text dead letter
-- The change that it is, if it is one; under the lane's lock, which the caller took by the replay's territory.
select position, territory_id, change, results, history, holds, replay is not null as replayed, reason->>'code' as code,
       (extract(epoch from received_at) * 1000)::float8 as received_ms,
       (extract(epoch from appended_at) * 1000)::float8 as appended_ms,
       (extract(epoch from ended_at) * 1000)::float8 as ended_ms
from changes
where dead_letter_id = $1::text
for update;

-- :name close-letter
-- $1 text dead letter
with closed as (
  update unreadable set dead_letter_id = null where dead_letter_id = $1::text
)
update changes set dead_letter_id = null, holds = false where dead_letter_id = $1::text;

-- :name release-lane
-- $1 text territory that a decided dead letter held
-- A wait that is not over goes on.
update lanes
set held = held - 1,
    not_before = case when held = 1 then greatest(due_at, clock_timestamp()) else not_before end,
    due_at = case when held = 1 then null else due_at end
where territory_id = $1::text and held > 0;

-- :name run-again
-- $1 bigint position, $2 integer decision, $3 replay (JSON text), $4 change (JSON text, perhaps edited), $5 body, $6 content type,
-- $7 received at (epoch milliseconds), $8 results (JSON text), $9 record ids still open (JSON text), $10 history (JSON text)
-- The digest stays that of the event: it tells duplicates.
update changes
set decision = $2::integer, replay = $3::json, change = $4::json, body = $5::bytea, content_type = $6::text,
    received_at = to_timestamp($7::float8 / 1000), results = $8::json,
    open_records = array(select json_array_elements_text($9::json)), history = $10::json,
    attempts = 0, conflicts = 0, outcome = null, reason = null, ended_at = null, dead_letter_id = null, holds = false
where position = $1::bigint;

-- :name run-new
-- $1 text territory, $2 source, $3 id, $4 digest, $5 run, $6 bigint position that it had or null, $7 integer decision,
-- $8 replay (JSON text), $9 change (JSON text), $10 body, $11 content type, $12 received at (epoch milliseconds),
-- $13 record ids (JSON text), $14 history (JSON text)
-- A position that it had is given again, unless another change has it or it was never given here.
insert into changes
  (position, territory_id, source, id, digest, run, decision, replay, change, body, content_type, received_at, open_records, history)
select case when $6::bigint <= (select last_value from journal_position)
              and not exists (select from changes where position = $6::bigint)
            then $6::bigint else nextval('journal_position') end,
       $1::text, $2::text, $3::text, $4::text, $5::text, $7::integer, $8::json, $9::json, $10::bytea, $11::text,
       to_timestamp($12::float8 / 1000), array(select json_array_elements_text($13::json)), $14::json
returning position;

-- :name link-decision
-- $1 text dead letter, $2 bigint position of its run
update decisions set position = $2::bigint where dead_letter_id = $1::text;

-- :name count-run
-- $1 text territory, $2 smallint format
update lanes
set pending = pending + 1,
    format = greatest(format, $2::smallint),
    not_before = case when pending = 0 then greatest(not_before, clock_timestamp()) else not_before end
where territory_id = $1::text;
