-- Takes a person out of the journal. Page by page in the order of the key, each page a short transaction of its own: whoever is
-- interrupted runs it again, and finds only what is left. The database only narrows down: which rows may hold the id; the program
-- reads their values and decides. (Bytes may write any character as an escape, so a body with a backslash is always looked at.)

-- :name page-of-changes
-- $1 bigint after this position, $2 integer at most
select max(position) as last
from (select position from changes where position > $1::bigint order by position limit $2::integer) as page;

-- :name changes
-- $1 bigint after this position, $2 bigint up to this one, $3 text the id as it stands in JSON, $4 bytea the id
-- Pending ones are locked too: they are only named, and must not end unseen meanwhile.
select position, source, id, territory_id, outcome is null as pending, dead_letter_id is not null as dead,
       change, body, results, history, reason, replay
from changes
where position > $1::bigint and position <= $2::bigint
  and (strpos(concat(change, results, history, reason, replay), $3::text) > 0
       or position($4::bytea in body) > 0 or position('\x5c'::bytea in body) > 0)
order by position
for update;

-- :name rewrite-changes
-- Arrays: $1 position, $2 change (JSON text), $3 body, $4 results, $5 history, $6 reason or null, $7 replay or null (JSON texts)
update changes
set change = new.change::json, body = new.body, results = new.results::json, history = new.history::json,
    reason = new.reason::json, replay = new.replay::json
from unnest($1::bigint[], $2::text[], $3::bytea[], $4::text[], $5::text[], $6::text[], $7::text[])
  as new(position, change, body, results, history, reason, replay)
where changes.position = any (array[new.position]);

-- :name page-of-unreadable
-- $1 text source, $2 text id, $3 text digest of the last one of the page before, $4 integer at most
select source, id, digest, body, message, envelope
from unreadable
where (source, id, digest) > ($1::text, $2::text, $3::text)
order by source, id, digest
limit $4::integer
for update;

-- :name rewrite-unreadable
-- Arrays: $1 source, $2 id, $3 digest, $4 body, $5 message or null, $6 envelope or null (JSON text)
update unreadable
set body = new.body, message = new.message, envelope = new.envelope::json
from unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::text[], $6::text[])
  as new(source, id, digest, body, message, envelope)
where unreadable.source = new.source and unreadable.id = new.id and unreadable.digest = new.digest;

-- :name page-of-decisions
-- $1 text after this dead letter, $2 integer at most
-- Dead letters as they were when they were decided, with what was said of them.
select dead_letter_id, decided_by, note, message, history
from decisions
where dead_letter_id > $1::text
order by dead_letter_id
limit $2::integer
for update;

-- :name rewrite-decisions
-- Arrays: $1 dead letter, $2 by, $3 note, $4 message (or null), $5 history (JSON text or null)
update decisions
set decided_by = new.decided_by, note = new.note, message = new.message, history = new.history::json
from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
  as new(dead_letter_id, decided_by, note, message, history)
where decisions.dead_letter_id = new.dead_letter_id;

-- :name page-of-messages
-- $1 bigint after this one, $2 integer at most
-- One that a publisher has at this moment is left to it: it goes in a moment, or comes back.
select seq, body, envelope, parked_at is null and taken_until > clock_timestamp() as under_way
from outbox
where seq > $1::bigint
order by seq
limit $2::integer
for update;

-- :name rewrite-messages
-- Arrays: $1 seq, $2 body, $3 envelope (JSON text)
update outbox
set body = new.body, envelope = new.envelope::json
from unnest($1::bigint[], $2::bytea[], $3::text[]) as new(seq, body, envelope)
where outbox.seq = any (array[new.seq]);

-- :name lanes
-- $1 text the id as it stands in JSON, $2 text as it stands in JSON that is a string in JSON, as stored intents are
-- What lanes remember of requests.
select territory_id, memory, intents
from lanes
where strpos(memory::text, $1::text) > 0 or strpos(intents::text, $2::text) > 0
order by territory_id;

-- :name record
-- $1 uuid, $2 text who, $3 counts (JSON text)
insert into erasures (reference, erased_by, counts) values ($1::uuid, $2::text, $3::json);
