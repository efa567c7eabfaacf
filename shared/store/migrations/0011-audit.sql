-- Every change of authority or state, in a chain for each tenant: each hash covers the one before it.
-- Nothing here is ever updated or deleted by HAIF.
create table audit_events (
  -- A tenant, or `mesh`.
  chain text not null,
  seq bigint not null,
  -- Milliseconds since 1970; a number, because it is part of what is hashed.
  at_ms bigint not null,
  actor text not null,
  action text not null,
  target text not null,
  result text not null,
  request_id text not null,
  -- Canonical JSON (RFC 8785), as it was hashed.
  details text not null,
  -- SHA-256 of the hash before it and of this event in canonical JSON, hex.
  hash text not null,
  primary key (chain, seq)
);
create index audit_events_by_time on audit_events (at_ms);

-- The end of each chain, signed with a key that the database does not have.
create table audit_checkpoints (
  chain text primary key,
  seq bigint not null,
  hash text not null,
  at_ms bigint not null,
  -- Ed25519, hex.
  signature text not null
);
