-- The book of alerts. A dozen rows as a rule, a few hundred where many territories are held: nothing here needs an index but the
-- key's. What becomes of a record is decided by the program, between `lock` and `write` of one transaction.

-- :name all
-- $1 integer limit
select record::text as record from alerts where record is not null order by key limit $1::integer;

-- :name lock
-- $1 text key
-- Locks the row and answers what is in it, with the time by which its members are reckoned. A row that is not there is made: else
-- two instances could raise the same alert at once.
insert into alerts (key) values ($1::text)
on conflict (key) do update set key = excluded.key
returning record::text as record, (extract(epoch from clock_timestamp()) * 1000)::float8 as now_ms;

-- :name write
-- $1 text key, $2 text record, $3 float8 due, epoch milliseconds, or null
update alerts set record = $2::json, due_at = to_timestamp($3::float8 / 1000) where key = $1::text;

-- :name remove
-- $1 text key
delete from alerts where key = $1::text;

-- :name take
-- $1 integer limit, $2 float8 lease in milliseconds
update alerts set taken_until = clock_timestamp() + $2::float8 * interval '1 ms'
where key in (
  select key from alerts
  where due_at <= clock_timestamp() and taken_until <= clock_timestamp()
  order by due_at
  limit $1::integer
  for update skip locked
)
returning record::text as record;

-- :name give-back
-- $1 text key
update alerts set taken_until = '-infinity' where key = $1::text;
