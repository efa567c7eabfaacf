-- What tasks have made: bytes by their SHA-256, on the machine that made them, and in the copies of
-- an S3 server where there is one. Those that a jobs service makes are here.
create table artifacts (
  job_id text not null references jobs on delete cascade,
  task_id text not null,
  name text not null,
  tenant_id text not null,
  sha256 text not null,
  bytes bigint not null,
  media_type text,
  -- The key of the worker that keeps it, or `store`: artifact_chunks.
  holder text not null,
  -- An S3 server has a copy.
  copied boolean not null default false,
  created_at timestamptz not null default now(),
  primary key (job_id, task_id, name)
);

create index artifacts_by_tenant on artifacts (tenant_id, created_at);
create index artifacts_by_sha256 on artifacts (sha256, holder);
create index artifacts_uncopied on artifacts (created_at) where not copied;

create table artifact_chunks (
  sha256 text not null,
  number integer not null,
  -- In base64.
  bytes text not null,
  -- An output is written before its result is taken.
  written_at timestamptz not null default now(),
  primary key (sha256, number)
);

-- Documents that retrieval finds again, with their vectors.
create table collection_documents (
  tenant_id text not null,
  collection text not null,
  document_id text not null,
  -- As it was given, with its text.
  text text not null,
  -- JSON of an object: what filters look at.
  metadata text not null default '{}',
  -- Null: it is found by its words alone.
  vector real[],
  -- The model of the vector: those of others cannot be compared with it.
  model text,
  updated_at timestamptz not null default now(),
  primary key (tenant_id, collection, document_id)
);
