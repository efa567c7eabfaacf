-- Settings that operators change while the mesh runs. What is not here is as the environment says.
create table settings (
  name text primary key,
  value jsonb not null,
  -- Who did: as in the audit.
  set_by text not null,
  set_at timestamptz not null default now()
);
