/** Clients, and what they were told: each answer is compared with what was promised for it. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PostgresStore } from '#shared/store/postgres-store.ts'
import { TOKEN } from './chaos-mesh.ts'

const PROMPTS = 12
const TOKENS = 24
const PAUSE_MS = 30
const DOOR_MS = 100

interface Answer {
  finish_reason?: string
  output?: string
  error?: { code: string; message: string }
}

export class History {
  /** Ids of requests that were answered whole. */
  readonly acknowledged: string[] = []
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
      const prompt = `question ${i}`
      const { body } = await this.#ask(prompt, randomUUID(), TOKEN)
      this.#expected.set(prompt, body.output ?? '')
    }
  }

  async client(signal: AbortSignal): Promise<void> {
    for (let i = 0; !signal.aborted; i++) {
      const prompt = `question ${i % PROMPTS}`
      const id = randomUUID()
      const { ok, body } = await this.#ask(prompt, id, TOKEN)
      if (ok && body.finish_reason !== undefined) {
        this.acknowledged.push(id)
        if (body.output !== this.#expected.get(prompt)) this.wrongTexts++
      } else this.#failed(body)
      await sleep(PAUSE_MS)
    }
  }

  /** Somebody without a token, again and again. */
  async stranger(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.knocks++
      if ((await this.#ask('let me in', randomUUID(), null)).ok) this.opened++
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
    const expected = this.acknowledged.length * TOKENS
    return { lost: this.acknowledged.length - ids, doubled: rows - ids, tokens: tokens - expected }
  }

  async #ask(prompt: string, id: string, token: string | null) {
    try {
      const headers: Record<string, string> = {
        'content-type': 'application/json',
        'x-request-id': id,
        ...(token === null ? {} : { authorization: `Bearer ${token}` })
      }
      const body = JSON.stringify({ model: 'sim', prompt, max_tokens: TOKENS, temperature: 0 })
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
