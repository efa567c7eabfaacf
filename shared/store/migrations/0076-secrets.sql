-- Secrets of tenants, sealed by a key of the gateways, and the functions that get them.
create table secrets (
  tenant_id text not null,
  name text not null,
  -- AES-256-GCM: nonce, tag and bytes, in base64.
  sealed text not null,
  created_by text not null,
  changed_at timestamptz not null default now(),
  primary key (tenant_id, name)
);

create table secret_grants (
  tenant_id text not null,
  name text not null,
  owner text not null,
  library text not null,
  -- Empty: every object of the library.
  object text not null,
  granted_at timestamptz not null default now(),
  primary key (tenant_id, name, owner, library, object),
  foreign key (tenant_id, name) references secrets on delete cascade
);
