-- What operators want to know of a request beside its cost: each attempt with the reason of its
-- placement, the error in words, and where its tenant has switched that on the texts themselves.
-- Kept for a time; the row of the books in `requests` stays.
create table request_details (
  usage_id text primary key,
  message text,
  cause text,
  -- As in the contract AttemptTold.
  attempts jsonb not null default '[]',
  prompt text,
  answer text,
  expires_at timestamptz not null
);
create index request_details_by_expiry on request_details (expires_at);

-- For how long they are kept; null: 30 days. 0: not at all.
alter table tenants add column keep_requests_days integer;
-- Whether prompts and answers are kept with them.
alter table tenants add column keep_prompts boolean not null default false;

-- Failed requests are few, and looked for.
create index requests_failed on requests (ended_at) where error_code is not null;
-- For the beginning of an id as a person types it.
create index requests_by_id_beginning on requests (request_id text_pattern_ops);
