import assert from 'node:assert/strict'
import { test } from 'node:test'
import { backup, restore } from '#shared/store/backup.ts'
import { loadMigrations } from '#shared/store/migrations.ts'
import type { Store } from '#shared/store/store.ts'
import { STORE_KINDS } from '../../helpers/stores/stores.ts'

const [POSTGRES, EMBEDDED] = STORE_KINDS

test('a backup goes from one kind of database to the other and back', async (t) => {
  const { store: embedded } = await EMBEDDED!.start(t)
  const { store: postgres } = await POSTGRES!.start(t)
  await fill(embedded)
  const lines = await linesOf(embedded)
  assert.deepEqual(await restoreInto(postgres, lines), {
    access_state: 1,
    artifact_chunks: 1,
    artifacts: 1,
    audit_checkpoints: 0,
    audit_events: 0,
    budget_use: 0,
    collection_documents: 1,
    http_workers: 0,
    bundles: 0,
    invites: 0,
    job_events: 0,
    jobs: 1,
    libraries: 0,
    library_grants: 0,
    machines: 1,
    member_keys: 0,
    members: 0,
    models: 1,
    object_versions: 0,
    objects: 0,
    policies: 0,
    request_details: 0,
    requests: 0,
    reservations: 0,
    revocations: 0,
    secret_grants: 0,
    secrets: 0,
    settings: 0,
    task_attempts: 0,
    task_edges: 0,
    tasks: 0,
    tenants: 1,
    tokens: 1,
    peers: 2500,
    model_holdings: 1
  })
  const again = await linesOf(postgres)
  assert.deepEqual(rowsOf(again), rowsOf(lines))

  await assert.rejects(restoreInto(postgres, lines), { code: 'STORE_NOT_EMPTY' })
  await postgres.query("update peers set role = 'worker'")
  await restoreInto(postgres, again, true)
  assert.deepEqual(rowsOf(await linesOf(postgres)), rowsOf(lines))
})

test('a backup that was changed, cut off, or is none is refused, and nothing is touched', async (t) => {
  const { store } = await POSTGRES!.start(t)
  await fill(store)
  const lines = await linesOf(store)
  const head = JSON.parse(lines[0]!) as object
  const foreign = { number: 9999, name: '9999-later.sql', digest: '0' }
  const bad: [string[], RegExp][] = [
    [lines.map((line) => line.replace('"cpus":8', '"cpus":9')), /does not match its digest/],
    [lines.slice(0, -1), /its end is missing/],
    [lines.toSpliced(5, 1), /does not match its digest/],
    [[], /its end is missing/],
    [['hello'], /not a backup of HAIF/],
    [
      lines.with(0, JSON.stringify({ ...head, haifBackup: 99 })),
      /format that this one does not know/
    ]
  ]
  for (const [content, message] of bad) {
    await assert.rejects(restoreInto(store, content, true), { code: 'BACKUP_INVALID', message })
  }
  await store.query('insert into schema_migrations (number, name, digest) values ($1, $2, $3)', [
    foreign.number,
    foreign.name,
    foreign.digest
  ])
  const newer = await linesOf(store)
  await assert.rejects(restoreInto(store, newer, true), { code: 'SCHEMA_MISMATCH' })
  const [left] = await store.query<{ count: number }>('select count(*) as count from peers')
  assert.equal(left!.count, 2500)
})

async function fill(store: Store): Promise<void> {
  await store.query(
    `insert into machines values ('a "b"', 8, 9007199254740993, '{"n": [1, null]}', now(), now())`
  )
  await store.query(
    `insert into peers select lpad(i::text, 64, '0'), 'gateway', 'a "b"', E'1\n2', '{}', now(), now()
     from generate_series(1, 2500) i`
  )
  await store.query(
    `insert into models values ('m', 'd', 'sim', null, null, 8192, 0, now(), now())`
  )
  await store.query(
    `insert into model_holdings values ('m', 'd', lpad('7', 64, '0'), now(), now())`
  )
  await store.query("insert into tenants (id, version) values ('a', 1)")
  await store.query(
    `insert into tokens (id, kind, tenant_id, scopes, hash, hint, version)
     values ('t', 'user', 'a', '["infer"]', 'h', 'AAAA', 1)`
  )
  await store.query(
    `insert into jobs (job_id, tenant_id, type, priority, submitted, total, queued)
     values ('j', 'a', 'chat', 'batch', '{"x": "\\u0000"}', 1, 1)`
  )
  await store.query(
    `insert into artifacts (job_id, task_id, name, tenant_id, sha256, bytes, holder)
     values ('j', 't', 'n', 'a', 'f00d', 9007199254740991, 'store')`
  )
  await store.query(`insert into artifact_chunks values ('f00d', 0, 'AAAA')`)
  await store.query(
    `insert into collection_documents (tenant_id, collection, document_id, text, vector)
     values ('a', 'c', 'd', '"x"', '{0.1,-2}')`
  )
}

async function linesOf(store: Store): Promise<string[]> {
  const lines: string[] = []
  await backup(store, async (line) => void lines.push(line))
  return lines
}

async function* each(lines: readonly string[]): AsyncGenerator<string, void, void> {
  yield* lines
}

const restoreInto = (store: Store, lines: readonly string[], force = false) =>
  restore(store, () => each(lines), { force, migrations: loadMigrations() })

/** Without the head, which says when, and the digest; rows may come in any order. */
const rowsOf = (lines: readonly string[]): string[] => lines.slice(1, -1).toSorted()
