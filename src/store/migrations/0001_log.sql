-- The log is the truth. Everything below it is a projection, and can be rebuilt from it.
create table record (
  seq integer primary key autoincrement, -- the order in which this host learned of records; never used twice
  kind text not null,
  id text not null,
  digest blob not null,
  at text not null,
  payload text, -- null once erased
  learned_at text not null, -- when this host first held a record of this identity, by its own clock
  received integer not null, -- 1 where it came from the mesh, 0 where it was saved or imported here
  unique (kind, id)
) strict;

-- Observations hidden on this host only (shadowed rows of an import). Not part of the set that hosts share.
create table hidden (
  id text primary key,
  hidden_at text not null
) strict, without rowid;

-- Facts about this host's copy, such as watermarks.
create table state (
  key text primary key,
  value text not null
) strict, without rowid;

-- One row for each observation whose content is here, in the columns that filters and orders use.
create table observation (
  seq integer primary key, -- of the record, by which it is found by its id
  id text not null,
  created_at text not null,
  project text not null,
  agent_family text not null,
  client_id text not null,
  pc_id text not null,
  session_id text not null,
  memory_type text not null,
  importance integer not null,
  expires_at text not null,
  deleted_at text,
  hidden_at text
) strict;

-- Without the ids that order what is of one instant: they would double the indexes, and those few are soon sorted.
create index observation_by_time on observation (created_at desc);
create index observation_by_project on observation (project, created_at desc);
create index observation_by_session on observation (session_id);

create table supersession (
  old_id text not null,
  new_id text not null,
  primary key (old_id, new_id)
) strict, without rowid;
create index supersession_by_new on supersession (new_id);
