-- Durable jobs: see services/jobs/SPEC.md. Values of users are kept as the text of their JSON, as
-- jsonb does not take every text that JSON can hold.
create table jobs (
  job_id text primary key,
  tenant_id text not null,
  -- The token that it came with.
  token_id text,
  type text not null,
  priority text not null,
  -- JSON, as it was asked for.
  submitted text not null,
  idempotency_key text,
  fingerprint text,
  traceparent text,
  status text not null default 'Queued',
  -- Waits until its tenant has fewer jobs running.
  held boolean not null default false,
  total integer not null,
  queued integer not null,
  running integer not null default 0,
  completed integer not null default 0,
  failed integer not null default 0,
  canceled integer not null default 0,
  prompt_tokens bigint not null default 0,
  completion_tokens bigint not null default 0,
  -- The number of its last event.
  events bigint not null default 0,
  error_code text,
  error_message text,
  error_task text,
  -- In milliseconds, as pages of a list begin where one ended.
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz not null default now(),
  started_at timestamptz,
  ended_at timestamptz,
  archived_at timestamptz
);

create unique index jobs_by_key on jobs (tenant_id, idempotency_key)
  where idempotency_key is not null;
create index jobs_by_tenant on jobs (tenant_id, created_at, job_id);
create index jobs_by_time on jobs (created_at, job_id);
create index jobs_active on jobs (tenant_id, held) where status in ('Queued', 'Running');

create table tasks (
  job_id text not null references jobs on delete cascade,
  task_id text not null,
  -- Its place in the graph.
  number integer not null,
  tenant_id text not null,
  type text not null,
  -- JSON, with references to outputs of others.
  input text not null,
  -- JSON of a list: the task runs once for each of its parts.
  map text,
  -- Of a part of a map: the task that it is a part of, and the value that it runs for, as JSON.
  part_of text,
  item text,
  dependencies text[] not null default '{}',
  status text not null default 'Queued',
  -- Dependencies that have not completed; one more while the job is held.
  waits_for integer not null default 0,
  -- What a place must have, as JSON, and its hash.
  needs text not null,
  needs_key text not null,
  priority text not null,
  head_start_ms integer not null,
  -- Null while it waits for others.
  ready_at timestamptz,
  -- `ready_at` in milliseconds less the head start: the lowest goes first.
  rank bigint,
  -- The number of the last claim: the fence.
  attempt integer not null default 0,
  -- Attempts that counted, and those whose owner was lost.
  failures integer not null default 0,
  losses integer not null default 0,
  preemptions integer not null default 0,
  attempts_max integer not null,
  timeout_ms integer not null,
  -- The service that runs the attempt.
  owner text,
  leased_until timestamptz,
  -- Where the last attempt ran: the key of a worker, or `mesh`.
  worker text,
  claimed_at timestamptz,
  started_at timestamptz,
  ended_at timestamptz,
  progress real,
  waiting_for text,
  output text,
  artifacts text,
  model text,
  prompt_tokens bigint not null default 0,
  completion_tokens bigint not null default 0,
  error_code text,
  error_message text,
  -- Failed for good.
  dead_at timestamptz,
  requeued_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (job_id, task_id)
);

create index tasks_ready on tasks (tenant_id, needs_key, rank)
  where status = 'Queued' and waits_for = 0;
create index tasks_leased on tasks (tenant_id, leased_until)
  where status in ('Assigned', 'Running');
create index tasks_dead on tasks (dead_at) where dead_at is not null;

-- Which task needs which.
create table task_edges (
  job_id text not null references jobs on delete cascade,
  needed text not null,
  task_id text not null,
  primary key (job_id, needed, task_id)
);

-- Those that have ended; the one that runs is in its task.
create table task_attempts (
  job_id text not null references jobs on delete cascade,
  task_id text not null,
  attempt integer not null,
  owner text not null,
  worker text,
  claimed_at timestamptz not null,
  started_at timestamptz,
  ended_at timestamptz not null default now(),
  -- completed, failed, returned, lost, canceled
  outcome text not null,
  error_code text,
  error_message text,
  primary key (job_id, task_id, attempt)
);

create table job_events (
  job_id text not null references jobs on delete cascade,
  id bigint not null,
  event text not null,
  -- JSON
  data text not null,
  at timestamptz not null default now(),
  primary key (job_id, id)
);
