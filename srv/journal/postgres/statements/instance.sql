-- What an instance does for itself: when it starts, when it stops, and to be heard by the others.

-- :name make-slots
-- $1 integer flights at a time
insert into flight_slots (slot) select generate_series(1, $1::integer) on conflict do nothing;

-- :name leave-lanes
-- $1 text[] territories, $2 bigint[] fences
-- At the end, for what its flights have not given back: whatever they sent was stored before, so the next owner repeats it.
-- Without this the lanes would wait until their leases end.
with mine as (
  select lanes.territory_id
  from unnest($1::text[], $2::bigint[]) as f(territory_id, fence)
  join lanes on lanes.territory_id = any (array[f.territory_id])
  where lanes.fence = f.fence and lanes.leased_until is not null
  order by lanes.territory_id collate "C"
  for update of lanes
)
update lanes
set owner = null, leased_until = null, not_before = greatest(not_before, clock_timestamp())
from mine
where lanes.territory_id = any (array[mine.territory_id]);

-- :name announce
-- $1 text instance
-- By itself, not in the transactions that make work: at commit NOTIFY takes a lock that makes all such commits wait for each
-- other. A crash between the two is what the polling is for.
select pg_notify('territory_sync', $1::text);

-- :name journal-id
select id from journal;

-- :name seen
-- $1 text instance
-- It lives. Those not seen for a day are forgotten.
with gone as (
  delete from instances where seen_at < now() - interval '1 day'
)
insert into instances (instance) values ($1::text)
on conflict (instance) do update set seen_at = clock_timestamp();

-- :name gone
-- $1 text instance
delete from instances where instance = $1::text;
