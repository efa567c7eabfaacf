-- One row for each request that was let in, when it has ended: who asked, which model and worker
-- answered, and what it cost. Prompts and answers are not here.
create table requests (
  usage_id text primary key,
  -- As the client knows it; clients may use one twice.
  request_id text not null,
  tenant_id text not null,
  -- Of the token that the request came with; null when it came without one.
  token_id text,
  -- `infer` or `embed`.
  kind text not null,
  -- The name that was asked for, while no model has answered.
  model text not null,
  digest text,
  -- Public key of the worker that answered last, hex.
  worker text,
  attempts integer not null default 0,
  prompt_tokens bigint not null default 0,
  cached_prompt_tokens bigint not null default 0,
  completion_tokens bigint not null default 0,
  -- The engine did not count; the numbers are estimates from the text.
  estimated boolean not null default false,
  queue_ms double precision not null default 0,
  prefill_ms double precision not null default 0,
  decode_ms double precision not null default 0,
  -- From its arrival at the gateway to its end.
  duration_ms double precision not null,
  -- Null when it failed; then the code of the error is there.
  finish_reason text,
  error_code text,
  started_at timestamptz not null,
  ended_at timestamptz not null
);

create index requests_by_tenant on requests (tenant_id, ended_at);
create index requests_by_id on requests (request_id);
create index requests_by_time on requests (ended_at);
