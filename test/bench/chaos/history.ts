/** Clients, and what they were told: each answer is compared with what was promised for it. */
import { randomUUID } from 'node:crypto'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PostgresStore } from '#shared/store/postgres-store.ts'
import { until } from '../../helpers/until.ts'
import { TOKEN } from './chaos-mesh.ts'

const PROMPTS = 12
/** While models are loaded. */
const LEARN_MS_MAX = 60_000
const TOKENS = 24
const PAUSE_MS = 30
const DOOR_MS = 100

interface Answer {
  finish_reason?: string
  output?: string
  usage?: { completion_tokens?: number }
  error?: { code: string; message: string }
}

/** Every fourth question is for the model that is computed from a file. */
const promptOf = (i: number): string => `question ${i % PROMPTS}`
const modelOf = (i: number): string => (i % 4 === 3 ? 'tiny' : 'sim')

export class History {
  /** Ids of requests that were answered whole. */
  readonly acknowledged: string[] = []
  /** Of their answers, as clients were told. */
  tokens = 0
  readonly failures = new Map<string, number>()
  /** Everything that a client could read of a failure. */
  readonly messages = new Set<string>()
  wrongTexts = 0
  opened = 0
  knocks = 0
  readonly #url: string
  readonly #expected = new Map<string, string>()

  constructor(url: string) {
    this.#url = url
  }

  /** The right text for each prompt, from the mesh while nothing fails. */
  async learn(): Promise<void> {
    for (let i = 0; i < PROMPTS; i++) {
      await until(async () => {
        const { ok, body } = await this.#ask(i, randomUUID(), TOKEN)
        this.#expected.set(promptOf(i), body.output ?? '')
        return ok
      }, LEARN_MS_MAX)
    }
  }

  async client(signal: AbortSignal): Promise<void> {
    for (let i = 0; !signal.aborted; i++) {
      const id = randomUUID()
      const { ok, body } = await this.#ask(i, id, TOKEN)
      if (ok && body.finish_reason !== undefined) {
        this.acknowledged.push(id)
        this.tokens += body.usage?.completion_tokens ?? 0
        if (body.output !== this.#expected.get(promptOf(i))) this.#wrong(i, body)
      } else this.#failed(body)
      await sleep(PAUSE_MS)
    }
  }

  /** Somebody without a token, again and again. */
  async stranger(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.knocks++
      if ((await this.#ask(this.knocks, randomUUID(), null)).ok) this.opened++
      await sleep(DOOR_MS)
    }
  }

  /** Acknowledged requests that the books lack or have twice, and tokens over what they were. */
  async compare(store: PostgresStore) {
    const [books] = await store.query<{ rows: number; ids: number; tokens: number }>(
      `select count(*) as rows, count(distinct request_id) as ids,
         coalesce(sum(completion_tokens), 0) as tokens
       from requests where request_id = any($1) and finish_reason is not null`,
      [this.acknowledged]
    )
    const { rows, ids, tokens } = books!
    const lost = this.acknowledged.length - ids
    return { lost, doubled: rows - ids, tokens: tokens - this.tokens }
  }

  #wrong(i: number, { output, usage }: Answer): void {
    this.wrongTexts++
    const expected = this.#expected.get(promptOf(i))
    process.stderr.write(`wrong: ${JSON.stringify({ i, expected, output, usage })}\n`)
  }

  async #ask(i: number, id: string, token: string | null) {
    try {
      const headers: Record<string, string> = {
        'content-type': 'application/json',
        'x-request-id': id,
        ...(token === null ? {} : { authorization: `Bearer ${token}` })
      }
      const prompt = promptOf(i)
      const body = JSON.stringify({ model: modelOf(i), prompt, max_tokens: TOKENS, temperature: 0 })
      const response = await fetch(`${this.#url}/infer`, { method: 'POST', headers, body })
      return { ok: response.ok, body: (await response.json()) as Answer }
    } catch (error) {
      return { ok: false, body: { error: { code: 'FETCH', message: String(error) } } as Answer }
    }
  }

  #failed({ error }: Answer): void {
    const code = error?.code ?? 'no end'
    this.failures.set(code, (this.failures.get(code) ?? 0) + 1)
    if (error !== undefined) this.messages.add(error.message)
  }
}
