-- Alerts that are raised, or whose end is still to be told: one row each, so that all instances raise, tell and end it once.
-- Only an addition, so that the version before goes on beside it.
create table alerts (
  key         text primary key,
  -- Null only within the transaction that makes the row.
  record      json,
  -- When to tell what is new; null where everything is told.
  due_at      timestamptz,
  -- Whoever tells it has it until then.
  taken_until timestamptz not null default '-infinity'
);
