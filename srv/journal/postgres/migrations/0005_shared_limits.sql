-- What instances share of the API: its daily budget, its pauses, and the places among the flights. Only additions, so that the
-- version before goes on beside it; what that one sends is not counted, and it takes any place that is free.

-- Requests of all instances by stretches of ten minutes: until when they count.
create table api_requests (
  frees_at timestamptz primary key,
  requests bigint not null
);

-- The API has named a wait of hours.
create table api_pause (
  only_one boolean primary key default true check (only_one),
  until    timestamptz not null
);

-- The instance whose flight it is, or was.
alter table flight_slots add column holder text;

-- It found no place for a flight: until then whoever has no fewer leaves it the next one.
alter table instances add column waits_until timestamptz not null default '-infinity';
