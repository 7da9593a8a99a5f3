-- Forgetting by age, and erasing. Only additions, so that the version before goes on beside it; what it ends is forgotten too.

alter table changes
  -- What is left of it. 2: everything. 1: values and bytes are gone. 0: history too; the key tells duplicates, and the names of
  -- what it set protect it from a replay of an earlier dead letter.
  add column kept smallint not null default 2 check (kept between 0 and 2);

-- One index for all steps of forgetting, in the order in which they find what is due. Dead letters are not in it before they
-- are decided or have expired, and rows leave it with the last step.
create index changes_ended on changes (kept, ended_at, position) where outcome is not null and dead_letter_id is null;

create index unreadable_received on unreadable (received_at);
create index decisions_decided on decisions (decided_at);
create index outbox_parked on outbox (parked_at) where parked_at is not null;

-- Whose turn it is: whoever moves due_at on has it until then. A row rather than a lock that is held, so that it costs no
-- connection, and that a turn that was just taken is not taken again by the next instance.
create table turns (
  task   text primary key,
  due_at timestamptz not null default '-infinity'
);
insert into turns (task) values ('retention');

-- That a dead letter's end was foretold, and how many days ahead.
create table expiry_warnings (
  dead_letter_id text not null,
  within_days    smallint not null,
  warned_at      timestamptz not null default clock_timestamp(),
  primary key (dead_letter_id, within_days)
);
create index expiry_warnings_at on expiry_warnings (warned_at);

-- The record of erasures: never whose, so that the record itself gives nobody away.
create table erasures (
  reference  uuid primary key,
  erased_at  timestamptz not null default clock_timestamp(),
  erased_by  text not null,
  -- How many rows of what kind.
  counts     json not null
);
