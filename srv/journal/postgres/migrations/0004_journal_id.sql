-- Who this journal is, to those outside who see its fences (the Redis locks hold both): fences of two journals do not compare. A
-- restart, a failover and another address leave it as it is. So does a copy of the database: a copy that is to work beside
-- the original needs an id of its own.
create table journal (
  only_one boolean primary key default true check (only_one),
  id       uuid not null default gen_random_uuid()
);

insert into journal default values;
