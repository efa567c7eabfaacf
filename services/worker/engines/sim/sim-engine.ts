/**
 * A simulated engine: answers at given rates, on given slots and KV memory, without a model. With
 * it hundreds of workers fit on one machine, and the mesh can be tested and measured for itself.
 */
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Memory } from '#shared/contracts/peers/peers.ts'
import type { TokenLogprob, ToolCallDelta } from '#shared/contracts/inference/answer.ts'
import { BoundedMap } from '#shared/kit/bounded-map.ts'
import { HaifError } from '#shared/errors.ts'
import type { Slots } from '#shared/kit/slots.ts'
import type {
  Engine,
  EngineMetrics,
  GenerateEnd,
  GenerateItem,
  GenerateRequest,
  LoadedModel,
  MemoryEstimate
} from '../engine.ts'
import { AbortableRuns } from '../abortable-runs.ts'
import { requestSlots } from '../slots.ts'
import { simCall } from './sim-call.ts'
import { SimCache } from './sim-cache.ts'
import { countPromptTokens, promptText, simAnswer, simScores, type SimToken } from './sim-text.ts'

export interface SimOptions {
  name: string
  slots: number
  /** The bound on the tokens of all running requests together. */
  kvTokens: number
  contextTokens: number
  /**
   * The tokens of ended requests that are kept, so that a prompt that begins alike is read faster.
   */
  cacheTokens: number
  /** `Infinity` takes no time. */
  prefillTokensPerSecond: number
  decodeTokensPerSecond: number
  /** The length at which the answer ends by itself; with `Infinity` only `maxTokens` ends it. */
  answerTokens: number
  /** The memory that the model pretends to take, and the time to load it. */
  ramBytes: number
  vramBytes: number
  loadMs: number
  now?: () => number
}

export const SIM_DEFAULTS: SimOptions = {
  name: 'sim',
  slots: 16,
  kvTokens: 65_536,
  contextTokens: 8192,
  cacheTokens: 0,
  prefillTokensPerSecond: 5000,
  decodeTokensPerSecond: 100,
  answerTokens: Infinity,
  ramBytes: 0,
  vramBytes: 0,
  loadMs: 0
}

const PARAMETERS = new Set([
  'temperature',
  'topP',
  'topK',
  'minP',
  'seed',
  'tokens',
  'promptLogprobs',
  'tools',
  'toolChoice',
  'parallelToolCalls'
])

const SCOPES_MAX = 64

interface AnswerToken extends SimToken {
  /** The part of a tool call; the text is empty then. */
  delta?: ToolCallDelta
}

export class SimEngine implements Engine {
  readonly kind = 'sim'
  readonly defaults = { temperature: 1, topP: 1 }
  readonly parameters: ReadonlySet<string> = PARAMETERS
  readonly #options: SimOptions
  readonly #slots: Slots
  /** By the scope of their prompts. */
  readonly #caches = new BoundedMap<string, SimCache>(SCOPES_MAX)
  readonly #now: () => number
  readonly #runs = new AbortableRuns() // at most the slots, their line, and a load
  #closed = false

  constructor(options: Partial<SimOptions> = {}) {
    this.#options = { ...SIM_DEFAULTS, ...options }
    this.#slots = requestSlots(this.#options.slots, this.#options.kvTokens)
    this.#now = options.now ?? (() => performance.now())
  }

  #cacheOf({ cacheScope = '' }: GenerateRequest): SimCache {
    const known = this.#caches.get(cacheScope)
    if (known !== undefined) return known
    const cache = new SimCache(this.#options.cacheTokens)
    this.#caches.set(cacheScope, cache)
    return cache
  }

  async estimate(most: Memory): Promise<MemoryEstimate | null> {
    const { ramBytes, vramBytes } = this.#options
    if (ramBytes > most.ramBytes || vramBytes > most.vramBytes) return null
    return { memory: { ramBytes, vramBytes }, sizeBytes: 0 }
  }

  async load(): Promise<LoadedModel> {
    const { name, contextTokens, ramBytes, vramBytes, loadMs } = this.#options
    if (loadMs > 0) await this.#loading(loadMs)
    const memory = { ramBytes, vramBytes }
    const digest = createHash('sha256').update(`haif/sim/${name}`).digest('hex')
    return { name, digest, contextTokens, sizeBytes: 0, chatTemplate: true, memory }
  }

  metrics(): EngineMetrics {
    const { slots, prefillTokensPerSecond, decodeTokensPerSecond } = this.#options
    const { kvTokens, cacheTokens } = this.#options
    const finite = (rate: number) => (Number.isFinite(rate) ? rate : 0)
    return {
      slots,
      running: this.#slots.running,
      waiting: this.#slots.waiting,
      prefillTokensPerSecond: finite(prefillTokensPerSecond),
      decodeTokensPerSecond: finite(decodeTokensPerSecond),
      kvCache: {
        runningTokens: this.#slots.weight,
        keptTokens: [...this.#caches.values()].reduce((sum, { tokens }) => sum + tokens, 0),
        tokensMax: kvTokens + cacheTokens
      }
    }
  }

  /** Closing the engine ends the load. */
  async #loading(loadMs: number): Promise<void> {
    using loading = this.#runs.enter()
    try {
      await sleep(loadMs, undefined, { signal: loading.signal })
    } catch {
      throw closed()
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#runs.abortAll(closed())
  }

  async count({ input }: GenerateRequest): Promise<number> {
    return countPromptTokens(promptText(input))
  }

  async *generate(
    request: GenerateRequest,
    caller: AbortSignal
  ): AsyncGenerator<GenerateItem, GenerateEnd, void> {
    if (this.#closed) throw closed()
    caller.throwIfAborted()
    using run = this.#runs.enter(caller)
    const { signal } = run
    const prompt = promptText(request.input)
    const promptTokens = countPromptTokens(prompt)
    const answerTokensMax = Math.min(request.maxTokens, this.#roomAfter(promptTokens))
    const call = simCall(prompt, request)
    const arrivedAt = this.#now()
    const giveBack = await this.#slots.take(signal, promptTokens + answerTokensMax)
    try {
      const startedAt = this.#now()
      const cachedPromptTokens = this.#cacheOf(request).match(prompt)
      const unread = promptTokens - cachedPromptTokens
      await this.#spend(unread / this.#options.prefillTokensPerSecond, signal)
      this.#cacheOf(request).add(prompt)
      const decodingAt = this.#now()
      yield* promptItems(prompt, request)
      const whole = call?.length ?? this.#options.answerTokens
      const length = Math.min(answerTokensMax, whole)
      const made = request.resumeTokens ?? request.resumeTokenIds?.length ?? 0
      const rate = this.#options.decodeTokensPerSecond
      const simToken = simAnswer(prompt)
      const tokenAt = (index: number): AnswerToken => {
        const delta = call?.[index]
        return delta === undefined ? simToken(index) : { ...simToken(index), text: '', delta }
      }
      for (let next = made; next < length;) {
        const due = rate === Infinity ? 1 : await this.#due(next - made, decodingAt, signal)
        signal.throwIfAborted()
        const item = itemOf(tokenAt, next, Math.min(length, next + due))
        if (request.promptLogprobs === true) item.logprobs = item.tokenIds.map(CERTAIN)
        next += item.tokenIds.length
        yield item
      }
      const ended = call === null ? 'stop' : 'toolCalls'
      return {
        finishReason: length === whole ? ended : 'length',
        usage: { promptTokens, cachedPromptTokens, completionTokens: Math.max(made, length) },
        timings: {
          queueMs: startedAt - arrivedAt,
          prefillMs: decodingAt - startedAt,
          decodeMs: this.#now() - decodingAt
        }
      }
    } finally {
      giveBack()
    }
  }

  #roomAfter(promptTokens: number): number {
    const { contextTokens, name } = this.#options
    if (promptTokens < contextTokens) return contextTokens - promptTokens
    throw new HaifError(
      'CONTEXT_TOO_LONG',
      `the prompt has ${promptTokens} tokens and the context of ${name} holds ${contextTokens}`
    )
  }

  /** Waits until a token is due, and returns how many are due beyond those that were made. */
  async #due(made: number, startedAt: number, signal: AbortSignal): Promise<number> {
    const perMs = this.#options.decodeTokensPerSecond / 1000
    await this.#spend((startedAt + (made + 1) / perMs - this.#now()) / 1000, signal)
    return Math.max(1, Math.floor((this.#now() - startedAt) * perMs) - made)
  }

  async #spend(seconds: number, signal: AbortSignal): Promise<void> {
    if (seconds <= 0) return
    // The timer rejects with its own AbortError, and the caller must get the signal's reason.
    await sleep(seconds * 1000, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}

/** Joins tokens that are due together into one item. */
function itemOf(tokenAt: (index: number) => AnswerToken, from: number, to: number): GenerateItem {
  const item: GenerateItem = { tokenIds: [], text: '' }
  for (let at = from; at < to; at++) {
    const { id, text, delta } = tokenAt(at)
    item.tokenIds.push(id)
    item.text += text
    if (delta !== undefined) (item.toolCalls ??= []).push(delta)
  }
  return item
}

function* promptItems(prompt: string, request: GenerateRequest): Generator<GenerateItem> {
  if (request.promptLogprobs !== true) return
  const { topLogprobs = 0, resumePromptTokens = 0 } = request
  const told = simScores(prompt, topLogprobs).slice(resumePromptTokens)
  for (let at = 0; at < told.length; at += ITEM_PROMPT_TOKENS) {
    yield { tokenIds: [], text: '', prompt: told.slice(at, at + ITEM_PROMPT_TOKENS) }
  }
}

const ITEM_PROMPT_TOKENS = 256
/** A simulated token has no other beside it. */
const CERTAIN = (tokenId: number): TokenLogprob => ({ tokenId, token: '', logprob: 0, top: [] })

const closed = (): HaifError => new HaifError('SHUTTING_DOWN', 'the simulated engine is closed')
