-- Peers that have been in the mesh, and the machines that they run on.
create table machines (
  host text primary key,
  cpus integer,
  memory_bytes bigint,
  -- What else a machine says of its hardware: accelerators, platform.
  hardware jsonb not null default '{}',
  first_seen timestamptz not null,
  last_seen timestamptz not null
);

create table peers (
  -- Public key, hex.
  key text primary key,
  role text not null,
  host text not null references machines (host),
  version text not null,
  labels jsonb not null default '{}',
  first_seen timestamptz not null,
  last_seen timestamptz not null
);

create index peers_by_last_seen on peers (last_seen);

-- The catalogue: models that workers have held, and where.
create table models (
  name text not null,
  -- SHA-256 of the file, hex.
  digest text not null,
  engine text not null,
  quantization text,
  parameters bigint,
  context_tokens integer not null,
  size_bytes bigint,
  first_seen timestamptz not null,
  last_seen timestamptz not null,
  primary key (name, digest)
);

create table model_holdings (
  name text not null,
  digest text not null,
  peer_key text not null references peers (key) on delete cascade,
  first_seen timestamptz not null,
  last_seen timestamptz not null,
  primary key (name, digest, peer_key),
  foreign key (name, digest) references models (name, digest) on delete cascade
);

create index model_holdings_by_peer on model_holdings (peer_key);
