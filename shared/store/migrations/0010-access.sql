-- Who may ask for how much. A gateway keeps a copy of tenants and tokens in memory; `version` tells
-- it what has changed since it last looked.
create table access_state (
  id integer primary key check (id = 1),
  version bigint not null,
  -- HMAC of a fixed text under the pepper of the tokens: gateways with another pepper are refused.
  pepper_check text
);
insert into access_state (id, version) values (1, 0);

create table tenants (
  id text primary key,
  limits jsonb not null default '{}',
  version bigint not null,
  created_at timestamptz not null default now(),
  -- A deleted tenant stays, so that its audit and usage keep their meaning.
  deleted_at timestamptz
);
create index tenants_by_version on tenants (version);

create table tokens (
  id text primary key,
  kind text not null,
  tenant_id text not null references tenants (id),
  scopes jsonb not null,
  name text,
  -- HMAC-SHA256 of the whole token under the pepper, hex. The token itself is kept nowhere.
  hash text not null,
  -- The end of the secret, to recognise it by.
  hint text not null,
  limits jsonb not null default '{}',
  version bigint not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz
);
create index tokens_by_version on tokens (version);
create index tokens_by_tenant on tokens (tenant_id);

-- Tokens used in a day (`2026-11-21`) or a month (`2026-11`), UTC, for budgets.
create table budget_use (
  -- `token/<id>` or `tenant/<id>`.
  subject text not null,
  period text not null,
  tokens bigint not null,
  updated_at timestamptz not null default now(),
  primary key (subject, period)
);
create index budget_use_by_time on budget_use (updated_at);
