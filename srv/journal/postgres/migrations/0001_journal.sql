-- The tables of the PostgreSQL journal, as the statements expect them. A change stays after its end, for telling duplicates
-- and for whoever asks; a failed one is the dead letter itself.
--
-- A migration that has run anywhere is never edited: the next one says what is new. During a deployment the version before runs
-- on the new tables, so a migration only adds: columns with a default, tables, indexes. What nobody uses any more goes one
-- version later.
--
-- Times are the database's own: instances need not agree on the time of day. Deadlines that are computed after a wait for
-- locks use clock_timestamp(), since now() stands still at the start of the transaction.

-- Not columns of the lane: a lane without anything pending may be deleted, and a number of its successor must not repeat one
-- that a dead owner, an idempotency key or an outcome event still carries. No CACHE: a connection that keeps numbers in store gives
-- lower ones later.
create sequence journal_position;
create sequence journal_fence;

-- fillfactor: a lane is updated by every append, claim and completion; with room on the page, the new version stands beside the
-- old one, and updates that change no index (locking, intents) touch none.
create table lanes (
  territory_id text primary key,
  fence        bigint not null default 0,
  owner        text,
  -- Null while nobody owns it. An owner whose lease has ended keeps the lane until another claim replaces his fence.
  leased_until timestamptz,
  -- Nobody claims it before; in the past: since when it has been ready.
  not_before   timestamptz not null default now(),
  waiting_for  text check (waiting_for in ('retrying', 'resting', 'locked')),
  -- One column for both, so that a claim is one range of one index, and lanes that wait cost it nothing however many they are.
  -- greatest() passes over nulls.
  ready_at     timestamptz not null generated always as (greatest(leased_until, not_before)) stored,
  -- Changes that have not ended; counted under the lane's lock.
  pending      integer not null default 0 check (pending >= 0),
  -- What the lane remembers between two flights, but for the intents; null: nothing. json, not jsonb: it is only read
  -- and written whole, and keeps the order of members.
  memory       json,
  -- Where nothing but a rest is remembered: when that ends, so that the lane may be forgotten. Else null.
  rest_until   timestamptz,
  -- Record id to intent. The intent is a JSON *text* inside jsonb: a request that is repeated has to be the same to the byte,
  -- and jsonb would order its members anew; jsonb outside, so that storing intents is a concatenation.
  intents      jsonb not null default '{}',
  -- Highest format among pending changes and memory: an older program leaves the lane alone.
  format       smallint not null default 1,
  -- An operator stopped it: nobody claims it until it is resumed.
  paused       boolean not null default false
) with (fillfactor = 70);

create index lanes_ready on lanes (ready_at) where pending > 0 and not paused;

create table changes (
  position     bigint primary key,
  territory_id text not null,
  -- At most 512 and 256 UTF-16 units, hence 2304 bytes: below the 2.7 kB that a unique index takes.
  source       text not null,
  id           text not null,
  -- SHA-256 of the meaning: the same id with another one is no duplicate.
  digest       text not null,
  change       json not null,
  body         bytea not null,
  content_type text,
  received_at  timestamptz not null,
  appended_at  timestamptz not null default clock_timestamp(),
  decision     integer not null default 0,
  -- By index of the assignment, null where it has not ended.
  results      json not null default '[]',
  -- Ids of the records still to be written, each once: what a claim counts.
  open_records text[] not null,
  attempts     integer not null default 0,
  conflicts    integer not null default 0,
  history      json not null default '[]',
  -- Null while pending.
  outcome      text check (outcome in ('applied', 'unchanged', 'superseded', 'failed')),
  reason       json,
  ended_at     timestamptz,
  -- Of a failed one: the dead letter that it is, until it is decided.
  dead_letter_id text,
  -- Of a run after the first: the decision, as JSON.
  replay       json,
  -- Of a replay whose dead letter was in no lane (it could not be read, and was edited): that one's id, since the source and
  -- id may be those of a change that is here. Else empty: a replay of a change goes on in its row.
  run          text not null default '',
  constraint changes_event unique (source, id, run)
);

-- The pending changes of a lane in order, without those that ended, which soon are the great majority.
create index changes_pending on changes (territory_id, position) where outcome is null;
-- For whoever looks up an event without its source.
create index changes_id on changes (id);
-- For what came after a dead letter.
create index changes_lane on changes (territory_id, position);
create unique index changes_dead_letter on changes (dead_letter_id) where dead_letter_id is not null;
-- For the age of the backlog.
create index changes_oldest on changes (received_at) where outcome is null;

-- Dead letters of what could not be read, and of impostors under a known id: hence the digest in the key.
create table unreadable (
  source       text not null,
  id           text not null,
  digest       text not null,
  body         bytea not null,
  content_type text,
  received_at  timestamptz not null,
  primary key (source, id, digest)
);

create index unreadable_id on unreadable (id);

-- What was decided of dead letters, each once.
create table decisions (
  dead_letter_id text primary key,
  action         text not null check (action in ('replay', 'discard')),
  -- Of the change that it is about, where it is one.
  position       bigint,
  -- Of the messages that tell of it, where no run does: it is done with when they are sent.
  message_ids    text[] not null default '{}',
  decided_at     timestamptz not null default clock_timestamp()
);

create index decisions_position on decisions (position) where position is not null;

-- A message is deleted when the mesh has accepted it. Those that it refuses for good are parked: kept for a person.
create table outbox (
  seq          bigint generated always as identity primary key,
  message_id   text not null,
  kind         text not null check (kind in ('outcome', 'dead-letter')),
  -- Address, content type, properties.
  envelope     json not null,
  body         bytea not null,
  -- Of the change that it tells of; null where nothing could be read. While it is here that change is not done with.
  position     bigint,
  -- Handed out until then; a publisher that dies gives nothing back, so this is a lease too.
  taken_until  timestamptz not null default '-infinity',
  parked_at    timestamptz
);

create index outbox_unsent on outbox (seq) where parked_at is null;
create index outbox_message on outbox (message_id, seq) where parked_at is null;
create index outbox_position on outbox (position) where position is not null;

-- The limit on flights over all instances: a flight holds one of the first so many rows, as a lease. Rows are made by the
-- instances, as many as their setting allows, and never deleted. Not counted from the lanes in flight: two claims at the same
-- moment would each see the last free place.
create table flight_slots (
  slot       smallint primary key,
  flight     text,
  held_until timestamptz not null default '-infinity'
);
