-- Invites: each lets machines into the mesh, for some roles, so often, until then. The secret that is
-- in the topic key is kept nowhere; an invite is found by its SHA-256.
create table invites (
  secret_hash text primary key,
  -- What people call it: the beginning of the hash.
  id text not null unique,
  roles jsonb not null,
  -- What the machine will be called; null: it names itself.
  name text,
  -- Machines that may use it; null: any number.
  uses_max integer,
  uses integer not null default 0,
  -- A person has to approve each machine.
  approve boolean not null,
  created_by text not null,
  created_at timestamptz not null default now(),
  -- Null: never.
  expires_at timestamptz,
  removed_at timestamptz
);

-- Machines that have joined with an invite, or wait to be approved.
create table members (
  id bigint generated always as identity primary key,
  name text not null,
  roles jsonb not null,
  -- As the machine calls itself.
  host text not null,
  -- `waiting`, `member`, `refused` or `revoked`.
  state text not null,
  secret_hash text not null,
  joined_at timestamptz not null default now(),
  decided_by text,
  decided_at timestamptz
);
-- One name for one machine of those that are in or wait.
create unique index members_by_name on members (name) where state in ('waiting', 'member');
create index members_by_invite on members (secret_hash);

-- The keys of a machine: one for each of its peers.
create table member_keys (
  -- Public key, hex.
  key text primary key,
  member_id bigint not null references members (id) on delete cascade,
  role text not null
);
create index member_keys_by_member on member_keys (member_id);

-- The signed list of revoked peers, of which only the newest counts.
create table revocations (
  id integer primary key check (id = 1),
  -- As it is passed on, in base64.
  list text not null
);
