-- What all instances counted, in slots of ten seconds: for the conflict rate over every instance, and for the chart of a day, which
-- a restart leaves as it is. At most one row per slot and 25 hours of them, whatever the load and however many instances.
create table tallies (
  at         timestamptz primary key,
  received   integer not null default 0,
  applied    integer not null default 0,
  unchanged  integer not null default 0,
  superseded integer not null default 0,
  failed     integer not null default 0,
  writes     integer not null default 0,
  conflicts  integer not null default 0,
  -- As last seen in the slot.
  backlog    integer
);
