/**
 * Compares the books with the receipts that workers have signed: whether each answer in them was
 * given by the worker that they name, for that request, with as many tokens as they charge.
 */
import type { UsageProblem, UsageReport, VerifyUsage } from '#shared/contracts/access/access.ts'
import { receiptOf, type Receipt, type SignedReceipt } from '#shared/contracts/inference/receipt.ts'
import { isSigned } from '#shared/mesh/membership/signature.ts'
import type { Queryable } from '#shared/store/store.ts'

const PAGE = 1000
const PROBLEMS_MAX = 100

/** The part of a row that receipts tell of. */
interface BookedRow {
  usage_id: string
  request_id: string
  worker: string | null
  model: string
  digest: string | null
  attempts: number
  prompt_tokens: number
  completion_tokens: number
  receipts: SignedReceipt[] | null
}

/** Reads the rows in pages, so that it needs little memory. */
export async function findDisagreements(
  store: Queryable,
  query: VerifyUsage
): Promise<UsageReport> {
  const report: UsageReport = { rows: 0, receipts: 0, before: 0, problems: [], problemsFound: 0 }
  const tell = ({ usage_id: usageId, request_id: requestId }: BookedRow, problem: string) => {
    report.problemsFound++
    if (report.problems.length < PROBLEMS_MAX) {
      report.problems.push({ usageId, requestId, problem } satisfies UsageProblem)
    }
  }
  const span = [query.from ?? null, query.to ?? null]
  const workers = await workersOf(store)
  for (let after = ''; ;) {
    const rows = await store.query<BookedRow>(PAGE_OF_ROWS, [...span, after, PAGE])
    for (const row of rows) {
      report.rows++
      if (row.receipts === null) report.before++
      else report.receipts += row.receipts.length
      for (const problem of problemsOf(row, workers)) tell(row, problem)
    }
    const last = rows.at(-1)
    if (last === undefined || rows.length < PAGE) break
    after = last.usage_id
  }
  for (const row of await store.query<BookedRow>(USED_TWICE, span)) {
    tell(row, 'has the receipt of another row')
  }
  return report
}

/** What does not fit, in sentences after "the row". `workers`: keys that were workers here. */
function problemsOf(row: BookedRow, workers: ReadonlySet<string>): string[] {
  // Rows from before there were receipts, and answers that were read again: nothing was computed.
  if (row.receipts === null || row.attempts === 0) return []
  const [signed] = row.receipts
  if (signed === undefined) return ['has no receipt of its worker']
  const receipt = read(signed)
  if (receipt === null) return ['has a receipt that the worker it names has not signed']
  const problems: string[] = []
  const compare = (what: string, books: unknown, said: unknown) => {
    if (books !== said)
      problems.push(`says ${what} ${String(books)}, and the receipt ${String(said)}`)
  }
  compare('worker', row.worker, receipt.worker)
  // Where no registry records peers, nobody knows who was a worker.
  if (workers.size > 0 && !workers.has(receipt.worker)) {
    problems.push('has a receipt of no worker of this mesh')
  }
  compare('request', row.request_id, receipt.requestId)
  // A row has the file that began the answer, which another worker may have ended.
  if (row.digest !== null && row.attempts === 1) compare('file', row.digest, receipt.digest)
  compare('prompt tokens', row.prompt_tokens, receipt.promptTokens)
  compare('completion tokens', row.completion_tokens, receipt.completionTokens)
  return problems
}

/** Null when it is none, or not signed by the worker that it names. */
function read({ receipt: text, signature }: SignedReceipt): Receipt | null {
  try {
    const receipt: unknown = JSON.parse(text)
    if (!receiptOf.Check(receipt)) return null
    const key = Buffer.from(receipt.worker, 'hex')
    const isOwn = isSigned('receipt', Buffer.from(text), Buffer.from(signature, 'base64'), key)
    return isOwn ? receipt : null
  } catch {
    return null // somebody has written into the database
  }
}

/** Peers that have been workers, as registries have recorded them by their certificates. */
async function workersOf(store: Queryable): Promise<Set<string>> {
  const rows = await store.query<{ key: string }>(`select key from peers where role = 'worker'`)
  return new Set(rows.map(({ key }) => key))
}

const SPAN = `finish_reason is not null
  and ($1::double precision is null or ended_at >= to_timestamp($1 / 1000.0))
  and ($2::double precision is null or ended_at < to_timestamp($2 / 1000.0))`

const COLUMNS = `usage_id, request_id, worker, model, digest, attempts, prompt_tokens,
  completion_tokens, receipts`

const PAGE_OF_ROWS = `select ${COLUMNS} from requests
  where ${SPAN} and usage_id > $3 order by usage_id limit $4`

const USED_TWICE = `select ${COLUMNS} from requests
  where ${SPAN} and receipts->0->>'signature' in (
    select receipts->0->>'signature' from requests
    where receipts->0 is not null and finish_reason is not null
    group by 1 having count(*) > 1)
  order by usage_id limit ${PROBLEMS_MAX}`
