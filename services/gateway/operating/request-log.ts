/** Requests that have ended, from the books: lists for operators, and all there is about one. */
import type {
  RequestDetail,
  RequestList,
  RequestRow,
  RequestsQuery
} from '#shared/contracts/http/admin/requests.ts'
import type { AttemptTold } from '#shared/contracts/inference/attempt-told.ts'
import { HaifError } from '#shared/errors.ts'
import type { Queryable } from '#shared/store/store.ts'

const LIMIT = 100
/** Between an answer and its row in the database; a reader of news looks back so far. */
const LATE_MS = 10_000

interface BookRow {
  usage_id: string
  request_id: string
  tenant_id: string
  token_id: string | null
  token_name: string | null
  kind: string
  model: string
  worker: string | null
  finish_reason: string | null
  error_code: string | null
  attempts: number
  prompt_tokens: number
  cached_prompt_tokens: number
  completion_tokens: number
  queue_ms: number
  prefill_ms: number
  decode_ms: number
  duration_ms: number
  started_at: Date
  ended_at: Date
}

interface DetailRow extends BookRow {
  digest: string | null
  estimated: boolean
  charged_tokens: number | null
  message: string | null
  cause: string | null
  attempts_made: AttemptTold[] | null
  prompt: string | null
  answer: string | null
  expires_at: Date | null
}

const BOOKS = `select requests.*,
    (select name from tokens where tokens.id = requests.token_id) as token_name
  from requests`

/** The newest first. */
export async function listRequests(store: Queryable, query: RequestsQuery): Promise<RequestList> {
  const { limit = LIMIT } = query
  const { where, values } = conditionsOf(query)
  const rows = await store.query<BookRow>(
    `${BOOKS} ${where} order by ended_at desc, usage_id desc limit ${limit + 1}`,
    values
  )
  const requests = rows.slice(0, limit).map(requestRow)
  const last = rows[limit - 1]
  return rows.length > limit && last !== undefined
    ? { requests, next: cursorOf(last) }
    : { requests }
}

/** The latest, for readers who follow along; rows come late, so some have been seen before. */
export async function latestRequests(store: Queryable, limit: number): Promise<RequestRow[]> {
  const rows = await store.query<BookRow>(
    `${BOOKS} where ended_at > now() - make_interval(secs => $1)
     order by ended_at desc limit ${limit}`,
    [LATE_MS / 1000]
  )
  return rows.map(requestRow).toReversed()
}

/** By its id, or by the request id that the client knows: then the latest of that id. */
export async function readRequest(store: Queryable, id: string): Promise<RequestDetail> {
  const [row] = await store.query<DetailRow>(
    `select books.*, details.message, details.cause, details.attempts as attempts_made,
       details.prompt, details.answer, details.expires_at
     from (${BOOKS} where requests.usage_id = $1 or requests.request_id = $1
       order by ended_at desc limit 1) as books
     left join request_details details
       on details.usage_id = books.usage_id and details.expires_at > now()`,
    [id]
  )
  if (row !== undefined) return detailOf(row)
  throw new HaifError(
    'NOT_FOUND',
    `there is no request ${id}: it may still run, or have been before the books began; ` +
      '"haif requests" lists the latest'
  )
}

function detailOf(row: DetailRow): RequestDetail {
  const { digest, estimated, charged_tokens: charged, message, cause, attempts_made: made } = row
  const { prompt, answer, expires_at: expires } = row
  return {
    ...requestRow(row),
    estimated,
    chargedTokens: charged ?? 0,
    attemptsMade: made ?? [],
    ...(digest === null ? {} : { digest }),
    ...(message === null ? {} : { message }),
    ...(cause === null ? {} : { cause }),
    ...(prompt === null ? {} : { prompt }),
    ...(answer === null ? {} : { answer }),
    ...(expires === null ? {} : { keptUntil: expires.getTime() })
  }
}

function requestRow(row: BookRow): RequestRow {
  const { token_id: token, token_name: tokenName, worker, finish_reason: finish } = row
  return {
    id: row.usage_id,
    requestId: row.request_id,
    tenant: row.tenant_id,
    kind: row.kind,
    model: row.model,
    status: statusOf(row.error_code),
    attempts: row.attempts,
    promptTokens: row.prompt_tokens,
    cachedPromptTokens: row.cached_prompt_tokens,
    completionTokens: row.completion_tokens,
    queueMs: row.queue_ms,
    prefillMs: row.prefill_ms,
    decodeMs: row.decode_ms,
    durationMs: row.duration_ms,
    startedAt: row.started_at.getTime(),
    endedAt: row.ended_at.getTime(),
    ...(token === null ? {} : { token }),
    ...(tokenName === null ? {} : { tokenName }),
    ...(worker === null ? {} : { worker }),
    ...(row.error_code === null ? {} : { code: row.error_code }),
    ...(finish === null ? {} : { finishReason: finish })
  }
}

const statusOf = (code: string | null): RequestRow['status'] =>
  code === null ? 'ok' : code === 'CANCELLED' ? 'stopped' : 'failed'

/** Each filter as a condition; `$n` is the place of its value. */
function conditionsOf(query: RequestsQuery): { where: string; values: unknown[] } {
  const values: unknown[] = []
  const all: string[] = []
  const add = (condition: (place: string) => string, value: unknown) => {
    if (value === undefined) return
    values.push(value)
    all.push(condition(`$${values.length}`))
  }
  add((n) => `tenant_id = ${n}`, query.tenant)
  add((n) => `token_id = ${n}`, query.token)
  add((n) => `model = ${n}`, query.model)
  add((n) => `worker like ${n} || '%'`, query.worker)
  add((n) => `error_code = ${n}`, query.code)
  add((n) => `ended_at >= to_timestamp(${n}::double precision / 1000)`, query.from)
  add((n) => `ended_at < to_timestamp(${n}::double precision / 1000)`, query.to)
  add(
    (n) => `(usage_id = ${n} or request_id like ${n} || '%')`,
    query.id?.replaceAll(/[%_\\]/g, '')
  )
  if (query.status !== undefined) all.push(STATUS[query.status])
  if (query.after !== undefined) {
    const [at, id] = cursorIn(query.after)
    add((n) => `(ended_at, usage_id) < (${n}::timestamptz, $${values.length + 1})`, at)
    values.push(id)
  }
  return { where: all.length === 0 ? '' : `where ${all.join(' and ')}`, values }
}

const STATUS: Record<RequestRow['status'], string> = {
  ok: 'error_code is null',
  stopped: `error_code = 'CANCELLED'`,
  failed: `error_code is not null and error_code <> 'CANCELLED'`,
  running: 'false' // those are in the queue and not in the books
}

const cursorOf = ({ ended_at: at, usage_id: id }: BookRow): string =>
  Buffer.from(JSON.stringify([at.toISOString(), id])).toString('base64url')

function cursorIn(text: string): [at: string, id: string] {
  try {
    const [at, id] = JSON.parse(Buffer.from(text, 'base64url').toString()) as unknown[]
    if (typeof at === 'string' && typeof id === 'string' && !Number.isNaN(Date.parse(at))) {
      return [at, id]
    }
  } catch {
    // said below
  }
  throw new HaifError('VALIDATION_FAILED', 'after must be `next` of the page before', {
    details: { param: 'after' }
  })
}
