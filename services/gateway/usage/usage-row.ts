/** The cost of a request, as one row of the table `requests`. */
import type { SignedReceipt } from '#shared/contracts/inference/receipt.ts'

export interface UsageRow {
  /** One for each request that a gateway has let in. */
  usage_id: string
  /**
   * The row of the gateway that was lost while it gave the answer of which this is the rest. This
   * row tells of the whole answer, so what that one has counted of it does not count.
   */
  continues: string | null
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

/**
 * Where usage goes: it is on disk when `record` has returned. A row that cannot be kept is counted
 * and reported there, and never thrown.
 */
export interface UsageRecorder {
  record(row: UsageRow): void
}

const COLUMNS: Record<keyof UsageRow, string> = {
  usage_id: 'text',
  continues: 'text',
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

/**
 * Takes the ids of rows whose answers another gateway may have ended. What they have counted is in
 * its row, whichever of the two comes first.
 */
export const SETTLE_CONTINUED = `update requests set completion_tokens = 0
  where usage_id = any($1::text[]) and finish_reason is null and completion_tokens > 0
    and exists (select 1 from requests later
      where later.continues = requests.usage_id and later.finish_reason is not null)`

/** Takes a JSON array of rows; those that are there already stay as they are. */
export const INSERT_USAGE = `insert into requests (${names})
  select ${names} from jsonb_to_recordset($1::jsonb) as given (${types})
  on conflict (usage_id) do nothing`
