/**
 * The models of a server that speaks the OpenAI protocol, as models of this worker. The server may
 * not be up yet, may be loading, and may have other models in an hour.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { HaifError } from '#shared/errors.ts'
import { backoffMs, type Backoff } from '#shared/kit/backoff.ts'
import type { ModelSource } from './model-source.ts'
import { listModels } from '../../engines/openai/identify.ts'
import { OpenAiEngine } from '../../engines/openai/openai-engine.ts'
import { UpstreamClient, type UpstreamTimeouts } from '../../engines/openai/upstream-client.ts'
import { KeyRefused, ServerFailing, ServerGone } from '../../engines/openai/upstream-errors.ts'

export interface UpstreamOptions {
  /** A file that holds the API key and nothing else. */
  keyFile?: string
  /** A certificate that the server may show, in a PEM file. */
  caFile?: string
  /** Requests at the server at once, for each model. Absent: what the server reports, or 16. */
  slots?: number
  /** Only these models; all of them unless given. */
  models?: readonly string[]
  timeouts?: Partial<UpstreamTimeouts>
  /** Pauses between the tries to reach a server that is gone. */
  retry?: Backoff
  /** How long to wait for a server without knowing its models; not at all unless given. */
  patience?: UpstreamPatience
  /** Called with a line for whoever runs the worker. */
  onNote?: (note: string) => void
  /** Pauses between two looks at the server's list of models. */
  lookMs?: number
}

interface UpstreamPatience {
  /** For a server that nobody can reach: its address may be wrong. */
  goneMs: number
  /** For one that answers and has nothing yet: large models load for long. */
  loadingMs: number
}

/** What becomes of the models of a worker when those of its server change. */
export interface ModelChanges {
  add: (source: ModelSource) => void
  /** The server has it no more; `forGood`: nobody has asked for it by its name. */
  lose: (name: string, error: HaifError, forGood: boolean) => void
}

const RETRY: Backoff = { firstMs: 500, maxMs: 15_000 }
/** A report has at most so many models (`WorkerReport`). */
const MODELS_MAX = 64
const NAME_CHARACTERS_MAX = 256

const PAUSE: Backoff = { firstMs: 250, maxMs: 3000 }
const NO_PATIENCE: UpstreamPatience = { goneMs: 0, loadingMs: 0 }
/** So that a change is seen within half a minute, also when a look is slow. */
const LOOK_MS = 10_000

/** The models that the server has now. */
export async function discoverUpstream(
  upstream: string,
  options: UpstreamOptions = {}
): Promise<ModelSource[]> {
  return new UpstreamModels(upstream, options).discover()
}

export class UpstreamModels {
  readonly #client: UpstreamClient
  readonly #options: UpstreamOptions
  readonly #known = new Set<string>() // at most MODELS_MAX

  constructor(upstream: string, options: UpstreamOptions = {}) {
    const { keyFile, caFile, timeouts = {} } = options
    const more = {
      ...(keyFile === undefined ? {} : { keyFile }),
      ...(caFile === undefined ? {} : { caFile })
    }
    this.#client = new UpstreamClient({ url: readUrl(upstream), timeouts, ...more })
    this.#options = options
  }

  /** Models given by name need not be there yet: they become ready when the server is. */
  async discover(): Promise<ModelSource[]> {
    const { models } = this.#options
    const client = this.#client
    const listed = await this.#listWhenUp()
    const ids = models === undefined ? (listed ?? []) : assertListed(models, listed, client)
    if (ids.length === 0) throw invalid(`${client.name} has no model`)
    if (ids.length > MODELS_MAX) {
      throw invalid(
        `${client.name} has ${ids.length} models: choose with --model, ${MODELS_MAX} at most`
      )
    }
    return ids.map((id) => this.#source(id))
  }

  /** Looks from now on whether the server has other models than it had. */
  watch(changes: ModelChanges): Disposable {
    const { lookMs = LOOK_MS } = this.#options
    let isLooking = false
    const timer = setInterval(() => {
      if (isLooking) return
      isLooking = true
      void this.#look(changes).finally(() => (isLooking = false))
    }, lookMs)
    timer.unref()
    return { [Symbol.dispose]: () => clearInterval(timer) }
  }

  async #look({ add, lose }: ModelChanges): Promise<void> {
    const listed = await this.#list().catch(() => null)
    if (listed === null) return // while the server is away, its engines say so
    const { name } = this.#client
    const { models } = this.#options
    for (const id of this.#known) {
      if (listed.includes(id)) continue
      const error = new HaifError('MODEL_LOAD_FAILED', `${name} no longer has ${id}`)
      if (models === undefined) this.#known.delete(id)
      lose(id, error, models === undefined)
    }
    if (models !== undefined) return
    for (const id of listed) {
      if (this.#known.has(id) || this.#known.size >= MODELS_MAX) continue
      add(this.#source(id))
    }
  }

  #source(id: string): ModelSource {
    this.#known.add(id)
    return sourceOf(this.#client, id, this.#options)
  }

  /** Null for a server that is not up, where its models are named. */
  async #listWhenUp(): Promise<string[] | null> {
    const { models, patience = NO_PATIENCE, onNote = () => {} } = this.#options
    const startedAt = performance.now()
    let said = ''
    for (let tries = 1; ; tries++) {
      try {
        const listed = await this.#list()
        if (listed.length > 0 || patience.loadingMs === 0) return listed
        throw new HaifError('WORKER_OVERLOADED', `${this.#client.name} has no model yet`)
      } catch (error) {
        if (!mayComeUp(error)) throw error
        if (models !== undefined) return null
        const limitMs = error instanceof ServerGone ? patience.goneMs : patience.loadingMs
        if (performance.now() - startedAt >= limitMs) throw error
        const note = `${error.message}: waiting for it, for ${Math.round(limitMs / 60_000)} min`
        if (note !== said) onNote(note)
        said = note
        await sleep(backoffMs(PAUSE, tries, Math.random()))
      }
    }
  }

  async #list(): Promise<string[]> {
    const ids = (await listModels(this.#client)).map(({ id }) => id)
    return [...new Set(ids)].filter((id) => id.length <= NAME_CHARACTERS_MAX)
  }
}

/** Waiting helps; it does not against a wrong key, a certificate or an address. */
const mayComeUp = (error: unknown): error is HaifError =>
  (error instanceof ServerGone && !(error instanceof KeyRefused)) ||
  error instanceof ServerFailing ||
  (error instanceof HaifError && error.code === 'WORKER_OVERLOADED')

function sourceOf(client: UpstreamClient, id: string, options: UpstreamOptions): ModelSource {
  const { slots, retry = RETRY } = options
  let opened = 0
  return {
    name: id,
    engine: 'openai',
    retry,
    open: async () => {
      const prove = opened++ > 0 // at first it is trusted: Ollama would load all its models
      return new OpenAiEngine({ client, id, prove, ...(slots === undefined ? {} : { slots }) })
    }
  }
}

function assertListed(
  wanted: readonly string[],
  listed: string[] | null,
  client: UpstreamClient
): string[] {
  const missing = wanted.find((id) => listed !== null && !listed.includes(id))
  if (missing === undefined) return [...new Set(wanted)]
  const some = (listed ?? []).slice(0, 10).join(', ')
  throw invalid(`${client.name} has no model ${missing}; it has ${some}`)
}

/** An address without a path gets the usual one, /v1. */
function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw invalid(`"${text}" is no address of a server: give one like http://127.0.0.1:8000/v1`)
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw invalid(
      'the address of the server has no user, query or fragment: a key goes into a file'
    )
  }
  if (url.pathname === '/') url.pathname = '/v1'
  return url
}

const invalid = (message: string): HaifError => new HaifError('CONFIG_INVALID', message)
