-- What time alone makes possible: when a lane can be claimed, and when one may be forgotten.

-- :name next-due
-- $1 smallint highest format that is understood, $2 integer flights at a time or null, $3 text instance
-- Milliseconds until the next claim can succeed, 0 if one can now; null if nothing is pending, or all flights are paused. A lane that is ready while all
-- slots are held is due when the first of these ends by itself: else its owner would be asked again at once, for ever.
select greatest(0, extract(epoch from greatest(
         first.ready_at,
         -- A place is perhaps left to another instance first.
         (select min(held_until) from flight_slots where slot <= $2::integer)
           + case when exists (select from instances where waits_until > now() and instance <> $3::text)
                  then interval '50 milliseconds' else interval '0' end
       ) - clock_timestamp()) * 1000)::float8 as due_ms
from (
  select ready_at
  from lanes
  -- A lane that is held is due when somebody decides.
  where pending > 0 and not paused and held = 0 and format <= $1::smallint
  order by ready_at
  limit 1
) as first
where not exists (select from switches where what = 'flights' and paused);

-- :name forget-lanes
-- Deletes lanes that would not be missed. Run by itself, now and then. A lane that is locked is not idle.
delete from lanes
where territory_id = any (array(
  select territory_id from lanes
  where pending = 0 and leased_until is null and not_before <= now() and intents = '{}'
    and (memory is null or rest_until <= now()) and not paused
  limit 1000
  for update skip locked
));
