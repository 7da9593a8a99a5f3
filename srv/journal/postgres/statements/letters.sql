-- The dead letters as operators list them. One statement for each order in which they are asked for, so that each is read by
-- the index made for it (see the view dead_letters), forward or backward, and no further than the page.

-- :name all
-- $1 float8 failed before this (epoch milliseconds, microseconds as fraction) or null, $2 text and before this id, $3 integer at most
-- Each part has its page, and the page is made of these (see the views).
select *, (extract(epoch from failed_at) * 1000)::float8 as failed_ms,
       (extract(epoch from decided_at) * 1000)::float8 as decided_ms
from (
  (select * from letters_of_changes
   where (failed_at, id) < (coalesce(to_timestamp($1::float8 / 1000), 'infinity'), $2::text)
   order by failed_at desc, id desc
   limit $3::integer)
  union all
  (select * from letters_of_unreadable
   where (failed_at, id) < (coalesce(to_timestamp($1::float8 / 1000), 'infinity'), $2::text)
   order by failed_at desc, id desc
   limit $3::integer)
  union all
  (select * from letters_decided
   where (failed_at, id) < (coalesce(to_timestamp($1::float8 / 1000), 'infinity'), $2::text)
   order by failed_at desc, id desc
   limit $3::integer)
) as letters
order by failed_at desc, id desc
limit $3::integer;

-- :name of-territory
-- as `all`, $4 text territory, $5 text code or null
select *, (extract(epoch from failed_at) * 1000)::float8 as failed_ms,
       (extract(epoch from decided_at) * 1000)::float8 as decided_ms
from (
  (select * from letters_of_changes
   where territory_id = $4::text and ($5::text is null or code = $5::text)
     and (failed_at, id) < (coalesce(to_timestamp($1::float8 / 1000), 'infinity'), $2::text)
   order by failed_at desc, id desc
   limit $3::integer)
  union all
  (select * from letters_of_unreadable
   where territory_id = $4::text and ($5::text is null or code = $5::text)
     and (failed_at, id) < (coalesce(to_timestamp($1::float8 / 1000), 'infinity'), $2::text)
   order by failed_at desc, id desc
   limit $3::integer)
  union all
  (select * from letters_decided
   where territory_id = $4::text and ($5::text is null or code = $5::text)
     and (failed_at, id) < (coalesce(to_timestamp($1::float8 / 1000), 'infinity'), $2::text)
   order by failed_at desc, id desc
   limit $3::integer)
) as letters
order by failed_at desc, id desc
limit $3::integer;

-- :name of-code
-- as `all`, $4 text code
select *, (extract(epoch from failed_at) * 1000)::float8 as failed_ms,
       (extract(epoch from decided_at) * 1000)::float8 as decided_ms
from (
  (select * from letters_of_changes
   where code = $4::text
     and (failed_at, id) < (coalesce(to_timestamp($1::float8 / 1000), 'infinity'), $2::text)
   order by failed_at desc, id desc
   limit $3::integer)
  union all
  (select * from letters_of_unreadable
   where code = $4::text
     and (failed_at, id) < (coalesce(to_timestamp($1::float8 / 1000), 'infinity'), $2::text)
   order by failed_at desc, id desc
   limit $3::integer)
  union all
  (select * from letters_decided
   where code = $4::text
     and (failed_at, id) < (coalesce(to_timestamp($1::float8 / 1000), 'infinity'), $2::text)
   order by failed_at desc, id desc
   limit $3::integer)
) as letters
order by failed_at desc, id desc
limit $3::integer;

-- :name open
-- $1 text territory or null, $2 text code or null, $3 float8 failed before (epoch milliseconds) or null, $4 integer at most
-- Ids of those undecided, oldest failure first.
select id
from (
  (select id, failed_at from letters_of_changes
   where ($1::text is null or territory_id = $1::text) and ($2::text is null or code = $2::text)
     and failed_at < coalesce(to_timestamp($3::float8 / 1000), 'infinity')
   order by failed_at, id
   limit $4::integer)
  union all
  (select id, failed_at from letters_of_unreadable
   where ($1::text is null or territory_id = $1::text) and ($2::text is null or code = $2::text)
     and failed_at < coalesce(to_timestamp($3::float8 / 1000), 'infinity')
   order by failed_at, id
   limit $4::integer)
) as letters
order by failed_at, id
limit $4::integer;

-- :name counts
-- How many are undecided in each territory (null: not known which), from indexes alone.
select territory_id, count(*)::int as letters
from (
  select territory_id from letters_of_changes
  union all
  select territory_id from letters_of_unreadable
) as letters
group by territory_id;

-- :name one
-- $1 text dead letter
-- Its bytes are those of the change, or of what could not be read.
select letter.*, (extract(epoch from failed_at) * 1000)::float8 as failed_ms,
       (extract(epoch from letter.decided_at) * 1000)::float8 as decided_ms,
       (extract(epoch from letter.received_at) * 1000)::float8 as received_ms,
       coalesce(unreadable.body, changes.body) as body,
       case when unreadable.body is null then changes.content_type else unreadable.content_type end as content_type,
       unreadable.envelope, changes.change, changes.digest as change_digest,
       case when letter.is_open then (
         select count(*)::int from (
           select from changes as later
           where later.territory_id = letter.territory_id and later.position + 0 > letter.position and later.outcome is not null
           limit 10000
         ) as counted
       ) else 0 end as later_changes
from dead_letters as letter
left join changes on changes.position = letter.position
left join unreadable
  on unreadable.source = letter.source and unreadable.id = letter.change_id and unreadable.digest = letter.digest
where letter.id = $1::text;

-- :name decision
-- $1 text dead letter
select action, decided_by, note, (extract(epoch from decided_at) * 1000)::float8 as decided_ms
from decisions
where dead_letter_id = $1::text;
