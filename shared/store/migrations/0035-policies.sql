-- The policy of the mesh, each version as a person wrote it. The newest is in force.
create table policies (
  version integer primary key,
  yaml text not null,
  set_by text not null,
  set_at timestamptz(3) not null default now()
);
