/** Jobs under faults: what was acknowledged is looked for at the end, with the history of each. */
import { randomUUID } from 'node:crypto'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PostgresStore } from '#shared/store/postgres-store.ts'
import { problemsIn } from '../../helpers/jobs/history.ts'
import { until } from '../../helpers/until.ts'
import { AUTHORIZED } from './chaos-mesh.ts'

const PAUSE_MS = 1500
/** A job that was refused is sent again under its key until it is taken. */
const AGAIN_MS = 500
/** After the last fault: a lease, a sweep, and what is left to do. */
const END_MS_MAX = 180_000

const TASKS = ['a', 'b', 'c', 'd'].map((id, nth) => ({
  id,
  type: 'llm_inference',
  input: { prompt: `${id} of a job`, model: 'sim', max_tokens: 16 },
  ...(nth === 0 ? {} : { dependencies: nth === 3 ? ['b', 'c'] : ['a'] })
}))

export class JobHistory {
  readonly acknowledged: string[] = []
  /** Everything that a client could read of a refusal. */
  readonly messages = new Set<string>()
  refusals = 0
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  async client(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const key = randomUUID()
      while (!signal.aborted && !(await this.#submit(key))) await sleep(AGAIN_MS)
      await sleep(PAUSE_MS)
    }
  }

  /** Waits for all of them to end. */
  async settle(store: PostgresStore): Promise<void> {
    const areOver = async () => (await this.#open(store)) === 0
    await until(areOver, END_MS_MAX).catch(() => {})
  }

  async compare(store: PostgresStore) {
    const ended = await store.query<{ status: string; jobs: number }>(
      `select status, count(*) as jobs from jobs where job_id = any($1) group by status`,
      [this.acknowledged]
    )
    const kept = ended.reduce((sum, { jobs }) => sum + jobs, 0)
    const open = await this.#open(store)
    const problems = await problemsIn(store)
    for (const problem of problems) process.stderr.write(`jobs: ${problem}\n`)
    const states = ended.map(({ status, jobs }) => `${jobs} ${status}`).join(', ')
    return { lost: this.acknowledged.length - kept, open, problems: problems.length, states }
  }

  async #open(store: PostgresStore): Promise<number> {
    const [row] = await store.query<{ open: number }>(
      "select count(*) as open from jobs where status in ('Queued', 'Running')"
    )
    return row!.open
  }

  async #submit(key: string): Promise<boolean> {
    try {
      const response = await fetch(`${this.#url}/v1/jobs`, {
        method: 'POST',
        headers: { ...AUTHORIZED, 'content-type': 'application/json', 'idempotency-key': key },
        body: JSON.stringify({ type: 'chaos', tasks: TASKS })
      })
      const body = (await response.json()) as { job_id?: string; error?: { message: string } }
      if (response.status === 202 && body.job_id !== undefined) {
        this.acknowledged.push(body.job_id)
        return true
      }
      this.messages.add(body.error?.message ?? `status ${response.status} without a message`)
    } catch (error) {
      this.messages.add(String(error))
    }
    this.refusals++
    return false
  }
}
