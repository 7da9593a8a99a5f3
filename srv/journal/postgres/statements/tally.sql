-- What all instances counted. Each instance adds once in ten seconds, to one row, and reads what the others added: at most 13 statements a
-- minute, whatever happens. Time is the database's: the clocks of the instances need not agree.

-- :name add
-- $1-$7 integer counts, $8 integer backlog or null
insert into tallies (at, received, applied, unchanged, superseded, failed, writes, conflicts, backlog)
values (to_timestamp(floor(extract(epoch from now()) / 10) * 10), $1, $2, $3, $4, $5, $6, $7, $8)
on conflict (at) do update set
  received = tallies.received + excluded.received,
  applied = tallies.applied + excluded.applied,
  unchanged = tallies.unchanged + excluded.unchanged,
  superseded = tallies.superseded + excluded.superseded,
  failed = tallies.failed + excluded.failed,
  writes = tallies.writes + excluded.writes,
  conflicts = tallies.conflicts + excluded.conflicts,
  backlog = coalesce(excluded.backlog, tallies.backlog);

-- :name read
-- $1 integer minutes wanted, the present one included, $2 integer seconds of the window
-- The window is the row without a time; the minutes follow, oldest first. Small answers: once a day's minutes are known, two are asked for.
select null::float8 as at, coalesce(sum(writes), 0)::int as writes, coalesce(sum(conflicts), 0)::int as conflicts,
  0 as received, 0 as applied, 0 as unchanged, 0 as superseded, 0 as failed, null::int as backlog
from tallies
where at > now() - make_interval(secs => $2::integer)
union all
select * from (
  select (extract(epoch from date_trunc('minute', at)) * 1000)::float8 as minute, sum(writes)::int, sum(conflicts)::int,
    sum(received)::int, sum(applied)::int, sum(unchanged)::int, sum(superseded)::int, sum(failed)::int,
    (array_agg(backlog order by at desc) filter (where backlog is not null))[1]
  from tallies
  where at >= date_trunc('minute', now()) - make_interval(mins => $1::integer - 1)
  group by minute
  order by minute
) as minutes;

-- :name forget
delete from tallies where at < now() - interval '25 hours';
