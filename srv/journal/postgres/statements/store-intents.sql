-- Stores what is about to be sent, for all lanes of a flight in one statement guarded by their fences. Answers the lanes whose
-- fence holds: nothing of the others may be sent. Committed before the request leaves, or the request does not leave.
--
-- Concatenated to what is stored, not replacing it: of the records in doubt a flight may repeat only a part.
-- The lanes are locked in key order first; an UPDATE alone locks in whatever order its plan comes upon them.

-- :name store-intents
-- $1 text[] territories, $2 bigint[] fences, $3 jsonb[] per lane an object: record id to intent (as a JSON text)
with flight as (
  select * from unnest($1::text[], $2::bigint[], $3::jsonb[]) as f(territory_id, fence, intents)
), locked as (
  select lanes.territory_id, flight.intents
  from flight join lanes on lanes.territory_id = any (array[flight.territory_id])
  where lanes.fence = flight.fence and lanes.leased_until is not null
  order by lanes.territory_id collate "C"
  for update of lanes
)
update lanes
set intents = lanes.intents || locked.intents, intents_at = now()
from locked
where lanes.territory_id = any (array[locked.territory_id])
returning lanes.territory_id;
