-- The journal in numbers. One statement, so that they are of one moment; each part is answered by an index that holds only what
-- is counted, however much has ended.

-- :name figures
select
  coalesce(sum(pending), 0)::int as pending,
  count(*) filter (where state = 'ready')::int as ready,
  count(*) filter (where state = 'in-flight')::int as in_flight,
  count(*) filter (where state = 'retrying')::int as retrying,
  count(*) filter (where state = 'resting')::int as resting,
  count(*) filter (where state = 'locked')::int as locked,
  count(*) filter (where state = 'held')::int as held,
  count(*) filter (where state = 'paused')::int as paused,
  (select (extract(epoch from min(received_at)) * 1000)::float8 from changes where nullif(outcome, '') is null) as oldest_ms,
  (select count(*) from outbox where coalesce(parked_at, 'infinity') = 'infinity')::int as unsent,
  -- An instance is seen every 8 to 13 seconds.
  (select count(*) from instances where seen_at > now() - interval '30 seconds')::int as instances
from lane_states
-- Those that operators are shown, and by the same index: a territory that is held or paused is one though nothing waits in it.
where greatest(pending, held, paused::int) > 0;
