-- Functions and pipelines: see services/registry/objects/SPEC.md. Values of users are kept as the
-- text of their JSON.
create table libraries (
  -- A tenant.
  owner text not null,
  name text not null,
  display_name text,
  -- `private`, or `mesh`: every tenant sees what is in it.
  visibility text not null default 'private',
  -- How its functions run, as JSON.
  policy text not null default '{}',
  created_at timestamptz not null default now(),
  primary key (owner, name)
);

create table library_grants (
  owner text not null,
  library text not null,
  -- A tenant, or `*`.
  grantee text not null,
  scopes text[] not null,
  granted_at timestamptz not null default now(),
  primary key (owner, library, grantee),
  foreign key (owner, library) references libraries on delete cascade
);

create table objects (
  owner text not null,
  library text not null,
  name text not null,
  kind text not null,
  display_name text,
  -- The number of its last version.
  latest integer not null default 0,
  created_at timestamptz not null default now(),
  primary key (owner, library, name),
  foreign key (owner, library) references libraries
);

create index objects_by_name on objects (name);

create table object_versions (
  owner text not null,
  library text not null,
  name text not null,
  number integer not null,
  -- Of the bundle.
  sha256 text not null,
  bytes integer not null,
  -- The bundle without its files, as JSON.
  about text not null,
  publisher text not null,
  signature text not null,
  created_by text not null,
  created_at timestamptz not null default now(),
  primary key (owner, library, name, number),
  unique (owner, library, name, sha256),
  foreign key (owner, library, name) references objects
);

create table bundles (
  sha256 text primary key,
  body text not null,
  written_at timestamptz not null default now()
);

-- What a job runs, as JSON, where it is a run of an object.
alter table jobs add column subject text;
create index jobs_of_runs on jobs (tenant_id, created_at, job_id) where subject is not null;
