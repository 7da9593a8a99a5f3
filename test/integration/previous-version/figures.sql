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
  count(*) filter (where state = 'paused')::int as paused,
  (select (extract(epoch from min(received_at)) * 1000)::float8 from changes where outcome is null) as oldest_ms,
  (select count(*) from outbox where parked_at is null)::int as unsent
from (
  select pending,
         case when leased_until > now() then 'in-flight'
              when paused then 'paused'
              when not_before > now() then coalesce(waiting_for, 'ready')
              else 'ready' end as state
  from lanes
  where pending > 0
) as busy;
