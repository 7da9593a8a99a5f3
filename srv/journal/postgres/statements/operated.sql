-- What operators see and do. Each query reads by an index and at most as much as is shown.

-- :name lanes
-- $1 text territories after this one or null, $2 text state or null, $3 integer at most
select page.*, oldest.ms as oldest_ms
from (
  select territory_id, pending, waits_ms, state
  from lane_states
  where greatest(pending, held, paused::int) > 0 and ($1::text is null or territory_id > $1::text)
    and ($2::text is null or state = $2::text)
  order by territory_id
  limit $3::integer
) as page
cross join lateral (
  select (extract(epoch from min(received_at)) * 1000)::float8 as ms
  from changes where changes.territory_id = page.territory_id and outcome is null
) as oldest
order by page.territory_id;

-- :name lane
-- $1 text territory
select territory_id, pending, fence, owner, state, waits_ms,
       (select (extract(epoch from min(received_at)) * 1000)::float8
        from changes where changes.territory_id = lane_states.territory_id and outcome is null) as oldest_ms
from lane_states
where territory_id = $1::text;

-- :name lane-changes
-- $1 text territory, $2 integer at most
select source, id, position, attempts, json_array_length(change->'assignments') as assignments,
       (extract(epoch from received_at) * 1000)::float8 as received_ms
from changes
where territory_id = $1::text and outcome is null
order by position
limit $2::integer;

-- :name pause
-- $1 text territory; also of a lane that is not there yet
insert into lanes (territory_id, paused) values ($1::text, true)
on conflict (territory_id) do update set paused = true;

-- :name resume
-- $1 text territory
update lanes set paused = false where territory_id = $1::text returning territory_id;

-- :name trails
-- $1 text event id, $2 text source or null
select changes.source, changes.id, changes.territory_id, changes.position, changes.outcome, changes.decision, changes.history,
       changes.replay is not null as replayed, changes.reason->>'code' as code,
       (extract(epoch from changes.received_at) * 1000)::float8 as received_ms,
       (extract(epoch from changes.appended_at) * 1000)::float8 as appended_ms,
       (extract(epoch from changes.ended_at) * 1000)::float8 as ended_ms,
       coalesce(lanes.leased_until > now(), false) as in_flight, lanes.intents,
       (extract(epoch from lanes.claimed_at) * 1000)::float8 as claimed_ms,
       (extract(epoch from lanes.intents_at) * 1000)::float8 as intents_ms,
       (select max((extract(epoch from decided_at) * 1000)::float8) from decisions
        where decisions.position = changes.position and action = 'discard') as discarded_ms,
       array(select (extract(epoch from at) * 1000)::float8 from publications
             where publications.position = changes.position order by at) as published_ms
from changes left join lanes using (territory_id)
where changes.id = $1::text and ($2::text is null or changes.source = $2::text)
order by changes.source, changes.run
limit 100;

-- :name unreadable-trails
-- $1 text event id, $2 text source or null
select unreadable.source, unreadable.id, (extract(epoch from min(received_at)) * 1000)::float8 as received_ms,
       (select max((extract(epoch from decided_at) * 1000)::float8) from decisions
        where decisions.change_id = unreadable.id and decisions.source = unreadable.source
          and decisions.digest is not null and action = 'discard') as discarded_ms
from unreadable
where id = $1::text and ($2::text is null or source = $2::text)
group by source, id
order by source
limit 100;

-- :name dead-letter
-- $1 text dead letter
select position, results,
       (select count(*)::int from changes as later
        where later.territory_id = changes.territory_id and later.position + 0 > changes.position
          and later.outcome is not null) as later_changes
from changes
where dead_letter_id = $1::text;
