/** The rows of artifacts: which task of which tenant made them, and who keeps them. */
import type { TaskArtifact } from '#shared/contracts/jobs/task-run.ts'
import type { Queryable } from '#shared/store/store.ts'

/** The holder of what is kept in the database. */
export const IN_STORE = 'store'

export interface ArtifactRow {
  job_id: string
  task_id: string
  name: string
  tenant_id: string
  sha256: string
  bytes: number
  media_type: string | null
  holder: string
  copied: boolean
  created_at: Date
}

/** An artifact as it is written with a result. */
export interface MadeArtifact extends TaskArtifact {
  /** Absent: the worker that ran the task. */
  holder?: string
}

interface MadeBy {
  job_id: string
  task_id: string
  tenant_id: string
  worker: string | null
  /** JSON of a list. */
  artifacts: string | null
}

/** Those of tasks whose results are taken, in the same transaction. */
export async function insertArtifacts(tx: Queryable, tasks: readonly MadeBy[]): Promise<void> {
  const rows = tasks.flatMap(({ job_id, task_id, tenant_id, worker, artifacts }) =>
    (JSON.parse(artifacts ?? '[]') as MadeArtifact[]).map((made) => {
      const { name, sha256, bytes, mediaType: media_type = null, holder = worker ?? '' } = made
      return { job_id, task_id, tenant_id, name, sha256, bytes, media_type, holder }
    })
  )
  if (rows.length === 0) return
  await tx.query(
    `insert into artifacts (job_id, task_id, tenant_id, name, sha256, bytes, media_type, holder)
     select job_id, task_id, tenant_id, name, sha256, bytes, media_type, holder
     from json_to_recordset($1::json) as given (job_id text, task_id text, tenant_id text,
       name text, sha256 text, bytes bigint, media_type text, holder text)
     on conflict (job_id, task_id, name) do update set sha256 = excluded.sha256,
       bytes = excluded.bytes, media_type = excluded.media_type, holder = excluded.holder,
       copied = false, created_at = now()`,
    [JSON.stringify(rows)]
  )
}

/** Null: there is none, or it is another tenant's. */
export async function findArtifactRow(
  store: Queryable,
  { jobId, taskId, name, tenant }: { jobId: string; taskId: string; name: string; tenant?: string }
): Promise<ArtifactRow | null> {
  const [row] = await store.query<ArtifactRow>(
    `select * from artifacts where job_id = $1 and task_id = $2 and name = $3
     and ($4::text is null or tenant_id = $4)`,
    [jobId, taskId, name, tenant ?? null]
  )
  return row ?? null
}

/** The output of a task that has completed. */
export async function findOutput(
  store: Queryable,
  { jobId, taskId, tenant }: { jobId: string; taskId: string; tenant?: string }
): Promise<{ output: string; ended_at: Date } | null> {
  const [row] = await store.query<{ output: string; ended_at: Date }>(
    `select output, coalesce(ended_at, updated_at) as ended_at from tasks
     where job_id = $1 and task_id = $2 and output is not null
     and ($3::text is null or tenant_id = $3)`,
    [jobId, taskId, tenant ?? null]
  )
  return row ?? null
}

/** Bytes of all artifacts of a tenant. */
export async function bytesOfTenant(store: Queryable, tenant: string): Promise<number> {
  const [row] = await store.query<{ bytes: number }>(
    'select coalesce(sum(bytes), 0)::bigint as bytes from artifacts where tenant_id = $1',
    [tenant]
  )
  return row?.bytes ?? 0
}

export async function tenantsWithArtifacts(store: Queryable): Promise<string[]> {
  const rows = await store.query<{ tenant_id: string }>('select distinct tenant_id from artifacts')
  return rows.map(({ tenant_id }) => tenant_id)
}

/** Returns those whose bytes nobody refers to any more where they are kept. */
export async function removeExpired(
  store: Queryable,
  tenant: string,
  days: number,
  max: number
): Promise<Pick<ArtifactRow, 'sha256' | 'holder' | 'copied'>[]> {
  return store.query(
    `with old as (
       delete from artifacts where ctid in (
         select ctid from artifacts
         where tenant_id = $1 and created_at < now() - make_interval(days => $2) limit $3)
       returning sha256, holder, copied, job_id, task_id, name)
     select distinct sha256, holder, copied from old o where not exists (
       select from artifacts a where a.sha256 = o.sha256 and a.holder = o.holder
         and not exists (select from old where old.job_id = a.job_id
           and old.task_id = a.task_id and old.name = a.name))`,
    [tenant, days, max]
  )
}

/** Those of these holders, the oldest first. */
export async function uncopied(
  store: Queryable,
  holders: readonly string[],
  max: number
): Promise<ArtifactRow[]> {
  return store.query(
    `select * from artifacts where not copied and holder = any($1) order by created_at limit $2`,
    [holders, max]
  )
}

export async function markCopied(store: Queryable, sha256: string): Promise<void> {
  await store.query('update artifacts set copied = true where sha256 = $1', [sha256])
}
