-- What an operator stops for all instances. Flights are stopped by the claim itself, which looks here; whoever receives is told by
-- NOTIFY and looks now and then.

-- :name switches
select what, paused, resumes from switches;

-- :name pause
-- $1 text[] what
update switches set paused = true where what = any($1::text[]);

-- :name resume
-- $1 text[] what
update switches set paused = false, resumes = resumes + 1 where what = any($1::text[]);
