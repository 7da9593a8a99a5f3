-- Extends the leases of a flight; answers the lanes that are still its own. A lease that has ended is extended too as long as
-- nobody has taken the lane over: the fence is what counts, the lease only tells when a lane may be taken.

-- :name renew
-- $1 text[] territories, $2 bigint[] fences, $3 float8 lease in milliseconds
with flight as (
  select * from unnest($1::text[], $2::bigint[]) as f(territory_id, fence)
), locked as (
  select lanes.territory_id
  from flight join lanes on lanes.territory_id = any (array[flight.territory_id])
  where lanes.fence = flight.fence and lanes.leased_until is not null
  order by lanes.territory_id collate "C"
  for update of lanes
)
update lanes
set leased_until = clock_timestamp() + make_interval(secs => $3::float8 / 1000)
from locked
where lanes.territory_id = any (array[locked.territory_id])
returning lanes.territory_id;

-- :name renew-slots
-- $1 text[] flights, $2 float8 lease in milliseconds
-- By itself, after the lanes: a completion locks its lanes, then its slot, and two orders would wait for each other.
update flight_slots
set held_until = clock_timestamp() + make_interval(secs => $2::float8 / 1000)
where flight = any($1::text[]);
