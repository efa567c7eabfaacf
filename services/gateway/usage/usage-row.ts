/** The cost of a request, as one row of the table `requests`. */
import type { AttemptTold } from '#shared/contracts/inference/attempt-told.ts'
import type { SignedReceipt } from '#shared/contracts/inference/receipt.ts'

export interface UsageRow {
  /** One for each request that a gateway has let in. */
  usage_id: string
  /**
   * The row of the gateway that was lost while it gave the answer of which this is the rest. This
   * row tells of the whole answer, so what that one has counted of it does not count.
   */
  continues: string | null
  /** The same for each way that a request takes to its answer; null where its caller names none. */
  answer_id: string | null
  /** Ways that were given up before this one: of those that end, the last one is acknowledged. */
  way: number
  /** As the client knows it; clients may use one twice. */
  request_id: string
  tenant_id: string
  token_id: string | null
  kind: 'infer' | 'embed'
  /** The name that was asked for, while no model has answered. */
  model: string
  digest: string | null
  worker: string | null
  attempts: number
  prompt_tokens: number
  cached_prompt_tokens: number
  completion_tokens: number
  /** Tokens that the budgets of token and tenant have counted for it. */
  charged_tokens: number
  estimated: boolean
  queue_ms: number
  prefill_ms: number
  decode_ms: number
  duration_ms: number
  /** Of the worker that ended the answer; nobody but the books needs it. */
  receipts: SignedReceipt[]
  finish_reason: string | null
  error_code: string | null
  /** ISO 8601. */
  started_at: string
  ended_at: string
}

/** What operators want to know of a request beside its cost; kept for a time, in its own table. */
export interface RequestNote {
  message: string | null
  cause: string | null
  attempts: AttemptTold[]
  /** Null unless the tenant has switched it on. */
  prompt: string | null
  answer: string | null
}

/** As it waits for the database. */
export interface SpooledUsage extends UsageRow {
  note?: RequestNote
}

/**
 * Where usage goes: it is on disk when `record` is over. A row that cannot be kept is counted
 * and reported there, and never thrown.
 */
export interface UsageRecorder {
  record(row: SpooledUsage): void | Promise<void>
  /** Calls back for each row that turned out to be counted elsewhere, too. */
  onSettled?(listener: (row: SettledRow) => void): void
}

const COLUMNS: Record<keyof UsageRow, string> = {
  usage_id: 'text',
  continues: 'text',
  answer_id: 'text',
  way: 'integer',
  request_id: 'text',
  tenant_id: 'text',
  token_id: 'text',
  kind: 'text',
  model: 'text',
  digest: 'text',
  worker: 'text',
  attempts: 'integer',
  prompt_tokens: 'bigint',
  cached_prompt_tokens: 'bigint',
  completion_tokens: 'bigint',
  charged_tokens: 'bigint',
  estimated: 'boolean',
  queue_ms: 'double precision',
  prefill_ms: 'double precision',
  decode_ms: 'double precision',
  duration_ms: 'double precision',
  receipts: 'jsonb',
  finish_reason: 'text',
  error_code: 'text',
  started_at: 'timestamptz',
  ended_at: 'timestamptz'
}

const names = Object.keys(COLUMNS).join(', ')
const types = Object.entries(COLUMNS)
  .map(([name, type]) => `${name} ${type}`)
  .join(', ')

/** A row that turned out to be another one's answer, with what had been counted for it. */
export interface SettledRow {
  kind: UsageRow['kind']
  tenant_id: string
  token_id: string | null
  finish_reason: string | null
  prompt_tokens: number
  cached_prompt_tokens: number
  completion_tokens: number
}

/** Changes the rows that `chosen` is true of, and gives back what budgets have counted for them. */
const settling = (change: string, chosen: string): string => `with settled as (
    select * from requests earlier where ${chosen} for update
  ), changed as (
    update requests set ${change}, charged_tokens = 0 from settled
    where requests.usage_id = settled.usage_id
    returning settled.*
  ), given as (
    select subject, period, sum(charged_tokens) as tokens from changed,
      lateral (values ('token/' || token_id), ('tenant/' || tenant_id)) as owner (subject),
      lateral (values (to_char(started_at at time zone 'UTC', 'YYYY-MM-DD')),
        (to_char(started_at at time zone 'UTC', 'YYYY-MM'))) as span (period)
    where token_id is not null and charged_tokens > 0
    group by subject, period order by subject, period
  ), budgets as (
    insert into budget_use (subject, period, tokens, given_back)
    select subject, period, 0, tokens from given
    on conflict (subject, period) do update set updated_at = now(),
      given_back = budget_use.given_back + excluded.given_back
  )
  select kind, tenant_id, token_id, finish_reason, prompt_tokens, cached_prompt_tokens,
    completion_tokens from changed`

/**
 * Takes the ids of rows whose answers another gateway may have ended. What they have counted is in
 * its row, whichever of the two comes first.
 */
export const SETTLE_CONTINUED = settling(
  'completion_tokens = 0',
  `usage_id = any($1::text[]) and finish_reason is null and completion_tokens > 0
    and exists (select 1 from requests later
      where later.continues = earlier.usage_id and later.finish_reason is not null)`
)

/**
 * Takes the answers of rows that have just come, in whatever order. A gateway that was given up may
 * end its answer all the same, because it was stopped and not killed, or because only its end was
 * lost. Then the caller has the answer of the last way, and the rows of earlier ways cost nothing.
 *
 * Callers name both, so no more than one row of each way goes free: a caller that asks for the same
 * thing twice in the same way has asked twice.
 */
export const SETTLE_DOUBLED = settling(
  `prompt_tokens = 0, cached_prompt_tokens = 0, completion_tokens = 0, finish_reason = null,
    error_code = coalesce(settled.error_code, 'CANCELLED')`,
  // Most requests take one way only: the index has the others.
  `request_id in (select request_id from requests
      where answer_id = any($1::text[]) and way > 0 and finish_reason is not null)
    and (finish_reason is not null or completion_tokens > 0)
    and exists (select 1 from requests later
      where later.request_id = earlier.request_id and later.answer_id = earlier.answer_id
        and later.way > earlier.way and later.finish_reason is not null)
    and not exists (select 1 from requests twin
      where twin.request_id = earlier.request_id and twin.answer_id = earlier.answer_id
        and twin.way = earlier.way and twin.usage_id <> earlier.usage_id
        and (twin.usage_id < earlier.usage_id
          or twin.finish_reason is null and twin.completion_tokens = 0))`
)

/** Takes a JSON array of rows; those that are there already stay as they are. */
export const INSERT_USAGE = `insert into requests (${names})
  select ${names} from jsonb_to_recordset($1::jsonb) as given (${types})
  on conflict (usage_id) do nothing`

/** Days that the details of a request are kept where its tenant says nothing. */
const KEEP_DAYS = 30
/** As operators have set it while the mesh runs, or as it always was. */
const KEPT_DAYS = `coalesce(keep_requests_days,
    (select (value #>> '{}')::integer from settings where name = 'keepRequestsDays'), ${KEEP_DAYS})`

/** Takes the same array: what its rows tell of their requests. */
export const INSERT_NOTES = `insert into request_details
    (usage_id, message, cause, attempts, prompt, answer, expires_at)
  select given.usage_id, note.message, note.cause, coalesce(note.attempts, '[]'), note.prompt,
    note.answer, given.ended_at + make_interval(days => ${KEPT_DAYS})
  from jsonb_to_recordset($1::jsonb)
      as given (usage_id text, tenant_id text, ended_at timestamptz, note jsonb)
    cross join lateral jsonb_to_record(given.note)
      as note (message text, cause text, attempts jsonb, prompt text, answer text)
    left join tenants on tenants.id = given.tenant_id
  where given.note is not null and ${KEPT_DAYS} > 0
  on conflict (usage_id) do nothing`

/** Details that are forgotten at a time, so that no request waits long for the database. */
export const FORGET_BATCH = 5000
export const FORGET_NOTES = `delete from request_details where usage_id in (
    select usage_id from request_details where expires_at <= now() limit ${FORGET_BATCH}
  ) returning usage_id`
