-- Takes ready lanes until their records fill a flight. One statement, no transaction around it.
--
-- The unit is the lane, not the change: a change is never looked at to find out that its lane is busy. (Measured with 20,000
-- changes behind two blocked lanes: 50 changes/s where changes are claimed, 4,200 where lanes are.)
--
-- The changes are read by claimed-changes.sql afterwards: this statement's snapshot was taken before the locks, so changes
-- read here could be those that another flight has just ended (measured: changes processed twice). What UPDATE returns of the
-- lane itself is its latest version. The number of records may come from the older snapshot: it only decides about packing.

-- :name claim
-- $1 integer records wanted, $2 float8 lease in milliseconds, $3 text owner, $4 smallint highest format that is understood,
-- $5 integer changes that are read per lane, $6 integer lanes looked at, $7 integer flights at a time or null, $8 text flight
with recursive slot as (
  -- The flight's place among all instances' flights. Passed over while another claim looks at it: that one may take it. One that
  -- was freed just now is left to whoever waits for a place and has fewer than this instance: else the one whose flight has ended is
  -- always the first to know, and keeps all places. Not longer than a word takes to the other one, so no place stays empty.
  select slot
  from flight_slots
  where slot <= $7::integer and held_until <= now()
    and (held_until <= now() - interval '50 milliseconds' or not exists (
      select from instances as other
      where other.waits_until > now() and other.instance <> $3::text
        and (select count(*) from flight_slots as its where its.holder = other.instance and its.held_until > now())
            < (select count(*) from flight_slots as mine where mine.holder = $3::text and mine.held_until > now())
              -- As many: the one that had it last goes back.
              + (case when flight_slots.holder = $3::text then 1 else 0 end)
    ))
  order by slot
  limit 1
  for update skip locked
), waiting as (
  -- Ready lanes and no place: the others are to know. For two seconds, written once in one.
  update instances
  set waits_until = now() + interval '2 seconds'
  where instance = $3::text and waits_until <= now() + interval '1 second'
    and $7::integer is not null and not exists (select from slot)
    and exists (select from lanes where pending > 0 and not paused and ready_at <= now() and format <= $4::smallint)
    and not exists (select from switches where what = 'flights' and paused)
), locked as materialized (
  -- SKIP LOCKED: whoever claims at the same time looks at other lanes instead of waiting for these. Those not taken in the
  -- end are free again when this statement ends.
  select territory_id, ready_at
  from lanes
  where pending > 0 and not paused and ready_at <= now() and format <= $4::smallint
    and ($7::integer is null or exists (select from slot))
    and not exists (select from switches where what = 'flights' and paused)
  order by ready_at, territory_id
  limit $6::integer
  for update skip locked
), numbered as (
  select territory_id, row_number() over (order by ready_at, territory_id) as n from locked
), packed(n, territory_id, records, aboard) as (
  -- The lane that has been ready longest always flies; others while they fit. What does not fit is the first one next time.
  -- Records are counted lane by lane here, so that a flight that is full counts no further.
  select 0::bigint, null::text, 0::bigint, false
  union all
  select numbered.n, numbered.territory_id,
         case when fit.fits then packed.records + wanted.records else packed.records end,
         fit.fits
  from packed
  join numbered on numbered.n = packed.n + 1
  cross join lateral (
    select greatest(1, count(distinct record)) as records
    from (
      select open_records from changes
      where changes.territory_id = numbered.territory_id and outcome is null
      order by position
      limit $5::integer
    ) as next, unnest(next.open_records) as record
  ) as wanted
  cross join lateral (
    select packed.records = 0 or packed.records + wanted.records <= $1::integer as fits
  ) as fit
  where packed.records < $1::integer
), boarded as materialized (
  -- In the order of boarding, so that fences tell it.
  select territory_id, nextval('journal_fence') as fence
  from (select territory_id from packed where aboard order by n) as in_order
), held as (
  update flight_slots
  set flight = $8::text, holder = $3::text, held_until = now() + make_interval(secs => $2::float8 / 1000)
  from slot
  where flight_slots.slot = slot.slot and exists (select from boarded)
), taken as (
  update lanes
  set fence = boarded.fence,
      owner = $3::text,
      claimed_at = now(),
      leased_until = now() + make_interval(secs => $2::float8 / 1000),
      -- A wait that is over says nothing any more; a related lane's write may set one again during the flight.
      waiting_for = null
  from boarded
  where lanes.territory_id = any (array[boarded.territory_id])
  returning lanes.territory_id, lanes.fence, lanes.memory, lanes.intents
)
select territory_id, fence, memory, intents from taken order by fence;
