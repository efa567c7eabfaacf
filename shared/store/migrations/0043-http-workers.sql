-- Workers that fetch tasks over plain HTTP; see services/jobs/workers.
create table http_workers (
  -- Whose it is: another token's worker of the same name is another worker.
  token_id text not null,
  worker_id text not null,
  -- JSON of what it takes.
  offer text not null,
  seen_at timestamptz not null default now(),
  primary key (token_id, worker_id)
);
