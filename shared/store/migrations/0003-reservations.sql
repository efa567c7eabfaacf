-- Requests with an Idempotency-Key, written before they are dispatched: whoever repeats one finds
-- who runs it and how it ended. Prompts and answers are not here, only a digest of the request.
create table reservations (
  tenant_id text not null,
  idempotency_key text not null,
  -- SHA-256 over what makes two requests the same, hex.
  fingerprint text not null,
  request_id text not null,
  -- Public key of the orchestrator that runs it, hex, and a number that each of its starts changes.
  owner text not null,
  -- Counts the runs: a run that another one has replaced ends nothing.
  run integer not null default 1,
  -- `running` or `answered`; a failed request is removed, so that it may be tried again.
  state text not null,
  created_at timestamptz not null default now(),
  -- A running one is its owner's until then, and the owner renews it.
  leased_until timestamptz not null,
  -- Forgotten then.
  expires_at timestamptz not null,
  primary key (tenant_id, idempotency_key)
);

create index reservations_by_expiry on reservations (expires_at);
