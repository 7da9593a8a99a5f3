-- The API's daily budget, counted over all instances, and the pause that the API has asked for.

-- :name report
-- $1 bigint requests that this instance has sent since its last report
-- Adds them, forgets what is older than a day, and answers what is left, oldest first, with the pause beside it: a row at least. What
-- this statement adds is not in its own snapshot, hence the union.
with forgotten as (
  delete from api_requests where frees_at <= now()
), added as (
  -- Ten minutes, and the day after them.
  insert into api_requests (frees_at, requests)
  select to_timestamp(floor(extract(epoch from now()) / 600) * 600 + 600) + interval '24 hours', $1::bigint
  where $1::bigint > 0
  on conflict (frees_at) do update set requests = api_requests.requests + excluded.requests
  returning frees_at, requests
), spent as (
  select frees_at, requests from added
  union all
  select frees_at, requests from api_requests
  where frees_at > now() and frees_at not in (select frees_at from added)
)
select spent.requests,
       (extract(epoch from spent.frees_at - now()) * 1000)::float8 as frees_in_ms,
       greatest(0, coalesce((extract(epoch from pause.until - now()) * 1000)::float8, 0)) as paused_for_ms
from (select max(until) as until from api_pause) as pause
left join spent on true
order by spent.frees_at;

-- :name pause
-- $1 float8 milliseconds
insert into api_pause (until) values (now() + make_interval(secs => $1::float8 / 1000))
on conflict (only_one) do update set until = greatest(api_pause.until, excluded.until);

-- :name lift
delete from api_pause;
