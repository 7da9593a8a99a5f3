-- Reads the changes of lanes just claimed, in order. The second statement of a claim, so that its snapshot is younger than the
-- claim: whatever an earlier owner recorded is seen, and a later change of these rows would need the new fence.
-- It must run as READ COMMITTED (or outside a transaction): in REPEATABLE READ the snapshot would be the claim's own.

-- :name claimed-changes
-- $1 text[] territories, $2 integer changes per lane
select changes.*
from unnest($1::text[]) as claimed(territory_id)
cross join lateral (
  select territory_id, position, decision, change, body, content_type, digest,
         (extract(epoch from received_at) * 1000)::float8 as received_ms,
         results, attempts, conflicts, history, replay, run
  from changes
  where changes.territory_id = claimed.territory_id and outcome is null
  order by position
  limit $2::integer
) as changes
order by changes.territory_id, changes.position;

-- :name later-changes
-- $1 text[] territories, $2 bigint[] positions of replays
-- What changes with later positions have ended on, by record: a replay must not undo it. From the changes themselves, so it
-- reaches back as far as they are kept; replays are few, and nothing is written for them beforehand.
select asked.position, made.assignment->>'id' as record,
       bool_or(made.assignment->>'operation' = 'delete') as deleted,
       coalesce(array_agg(distinct field.name) filter (where field.name is not null), '{}') as fields
from unnest($1::text[], $2::bigint[]) as asked(territory_id, position)
join changes on changes.territory_id = any (array[asked.territory_id]) and changes.position + 0 > asked.position
cross join lateral json_array_elements(changes.change->'assignments') with ordinality as made(assignment, n)
left join lateral json_object_keys(made.assignment->'fields') as field(name) on true
cross join lateral (select changes.results->(made.n::int - 1)->>'result' as result) as ended
where ended.result not in ('failed', 'skipped')
  -- A delete that was superseded was not carried out.
  and not (made.assignment->>'operation' = 'delete' and ended.result = 'superseded')
group by asked.position, record;
