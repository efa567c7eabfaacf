/**
 * The `openai` engine: a model on a server that speaks the OpenAI protocol and that somebody else
 * runs. This is how a model larger than one GPU joins: vLLM or SGLang with all their GPUs are one
 * worker.
 *
 * Such a server tells text and, with luck, how many tokens it has, but no token ids that would mean
 * the same elsewhere: items carry a count and no ids, and an answer is continued by its text.
 */
import { inputTexts, type Usage } from '#shared/contracts/inference.ts'
import { HaifError, toHaifError } from '#shared/errors.ts'
import type {
  EmbedInput,
  Embeddings,
  Engine,
  EngineMetrics,
  GenerateEnd,
  GenerateItem,
  GenerateRequest,
  LoadedModel
} from '../engine.ts'
import { AnswerReader } from './answer-reader.ts'
import { DIALECTS } from './dialect.ts'
import { embedUpstream } from './embedding.ts'
import { identifyModel, type UpstreamModel } from './identify.ts'
import { LoadGauge } from './load-gauge.ts'
import { Rates } from './rates.ts'
import { requestBody, type UpstreamRequest } from './request-body.ts'
import { ResumedText } from './resumed-text.ts'
import { Slots } from './slots.ts'
import { SseParser } from './sse.ts'
import type { UpstreamClient } from './upstream-client.ts'
import { ServerGone } from './upstream-errors.ts'

export interface OpenAiEngineOptions {
  client: UpstreamClient
  /** The model's name, on the server and for clients. */
  id: string
  /** Requests at the server at once; what the server says, or 16. */
  slots?: number
  /** Whether `load` asks for a token: a server that has failed may still list its models. */
  prove?: boolean
  now?: () => number
}

interface Serving {
  model: UpstreamModel
  slots: Slots
  gauge: LoadGauge
}

/** All that belongs to one request. */
interface Asking {
  request: GenerateRequest
  upstream: UpstreamRequest
  reader: AnswerReader
  resumedTokens: number
  controller: AbortController
}

const REQUEST_PARAMETERS = [
  'input',
  'maxTokens',
  'sampling',
  'stop',
  'responseFormat',
  'tools',
  'toolChoice',
  'parallelToolCalls',
  'reasoningEffort'
] as const satisfies (keyof GenerateRequest)[]

const SLOTS_DEFAULT = 16
/** Failures in a row that say that the server is broken, and not a request. */
const FAILURES_MAX = 3
/** What follows the end of an answer is only its usage. */
const USAGE_WAIT_MS = 2_000
const CHARACTERS_PER_TOKEN = 4
const EMBED_PROBE_MS = 5_000
const USAGE_IS_LATE = new Error('the answer is complete, but its usage does not come')

export class OpenAiEngine implements Engine {
  readonly kind = 'openai'
  /** Set when the server has been seen to do it. */
  embed?: NonNullable<Engine['embed']>
  readonly lost: Promise<HaifError>
  readonly #options: OpenAiEngineOptions
  readonly #now: () => number
  readonly #requests = new Set<AbortController>() // bounded by slots and those that wait
  readonly #rates = new Rates()
  readonly #lose: (error: HaifError) => void
  #serving: Serving | null = null
  #failures = 0 // in a row
  #refusal: HaifError | null = null // for all that come now: closed, or lost

  constructor(options: OpenAiEngineOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    const { promise, resolve } = Promise.withResolvers<HaifError>()
    this.lost = promise
    this.#lose = resolve
  }

  /** Known when the model is loaded: a server of an unknown kind gets what OpenAI's protocol has. */
  get parameters(): ReadonlySet<string> {
    const { sampling, continues, takesTokens } = DIALECTS[this.#serving?.model.kind ?? 'other']
    const parameters = new Set<string>([...REQUEST_PARAMETERS, ...Object.keys(sampling)])
    if (takesTokens) parameters.add('tokens')
    return continues === 'never' ? parameters : parameters.add('resumeText')
  }

  async load(): Promise<LoadedModel> {
    const { client, id, prove = false } = this.#options
    try {
      const model = await identifyModel(client, id)
      this.#serving = this.#serve(model)
      if (prove) await this.#prove()
      if (await this.#canEmbed(model)) this.embed = (...asked) => this.#embed(...asked)
    } catch (error) {
      if (this.#refusal?.code === 'SHUTTING_DOWN') throw this.#refusal
      const { message } = toHaifError(error)
      throw new HaifError('MODEL_LOAD_FAILED', message, { cause: error })
    }
    if (this.#refusal !== null) throw this.#refusal
    this.#serving.gauge.start()
    const { kind: _kind, id: name, slots: _slots, embeds: _embeds, ...facts } = this.#serving.model
    return { name, ...facts, chatTemplate: true } // a server without one says so when it is asked
  }

  #serve(model: UpstreamModel): Serving {
    const { client, id } = this.#options
    const slots = new Slots(this.#options.slots ?? model.slots ?? SLOTS_DEFAULT)
    const gauge = new LoadGauge({
      client,
      kind: model.kind,
      id,
      own: () => slots.running,
      onGone: (error) => this.#gone(error)
    })
    return { model, slots, gauge }
  }

  /** By asking for a vector: no server says it. Ollama would load the model, but says what it is. */
  async #canEmbed({ kind, id, embeds = false }: UpstreamModel): Promise<boolean> {
    if (kind === 'ollama') return embeds
    const signal = AbortSignal.timeout(EMBED_PROBE_MS)
    return embedUpstream(this.#options.client, id, ['Hello'], signal).then(
      () => true,
      () => false
    )
  }

  async #embed(inputs: readonly EmbedInput[], caller: AbortSignal): Promise<Embeddings> {
    const { model, slots } = this.#assertServing()
    const controller = new AbortController()
    const signal = AbortSignal.any([caller, controller.signal])
    signal.throwIfAborted()
    this.#requests.add(controller)
    try {
      const giveBack = await slots.take(signal)
      try {
        return await embedUpstream(this.#options.client, model.id, inputs, signal)
      } finally {
        giveBack()
      }
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof ServerGone) this.#gone(error)
      throw error
    } finally {
      this.#requests.delete(controller)
    }
  }

  async #prove(): Promise<void> {
    const input = { mode: 'chat', messages: [{ role: 'user', content: 'Hello' }] } as const
    const request: GenerateRequest = {
      input: { ...input, messages: [...input.messages] },
      maxTokens: 1,
      sampling: {}
    }
    try {
      for await (const _ of this.generate(request, new AbortController().signal));
    } catch (error) {
      if (toHaifError(error).httpStatus !== 400) throw error // it answers, if only to refuse a chat
    }
  }

  metrics(): EngineMetrics {
    const { prefillTokensPerSecond, decodeTokensPerSecond } = this.#rates
    const { slots, gauge } = this.#serving ?? {}
    return {
      slots: slots?.count ?? 0,
      running: (slots?.running ?? 0) + (gauge?.foreign ?? 0),
      waiting: slots?.waiting ?? 0,
      prefillTokensPerSecond,
      decodeTokensPerSecond
    }
  }

  async close(): Promise<void> {
    this.#refusal = new HaifError('SHUTTING_DOWN', 'the worker is stopping')
    this.#serving?.gauge.stop()
    for (const controller of this.#requests) controller.abort(this.#refusal)
  }

  async *generate(
    request: GenerateRequest,
    signal: AbortSignal
  ): AsyncGenerator<GenerateItem, GenerateEnd> {
    signal.throwIfAborted()
    const asking = this.#ask(request)
    const { controller } = asking
    const onAbort = () => controller.abort(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    this.#requests.add(controller)
    try {
      return yield* this.#answer(asking)
    } catch (error) {
      controller.signal.throwIfAborted()
      throw this.#judge(error, asking)
    } finally {
      signal.removeEventListener('abort', onAbort)
      this.#requests.delete(controller)
    }
  }

  #ask(request: GenerateRequest): Asking {
    const { model } = this.#assertServing()
    const { resumeText = '', resumeTokens = 0 } = request
    const resumed = new ResumedText(resumeText)
    const maxTokens = Math.max(0, request.maxTokens - resumeTokens)
    const upstream = requestBody(request, {
      kind: model.kind,
      id: model.id,
      maxTokens: maxTokens === 0 ? 0 : maxTokens + resumed.repeatedCharacters,
      prefix: resumed.prefix
    })
    const reader = new AnswerReader({
      name: this.#options.client.name,
      resumed,
      resumedTokens: resumeTokens,
      maxTokens,
      askedTokens: upstream.body.max_tokens,
      promptTokensGuess: guessPromptTokens(request)
    })
    const controller = new AbortController()
    return { request, upstream, reader, resumedTokens: resumeTokens, controller }
  }

  #assertServing(): Serving {
    if (this.#refusal !== null) throw this.#refusal
    if (this.#serving === null) throw new HaifError('ENGINE_FAILED', 'the model is not loaded')
    return this.#serving
  }

  async *#answer(asking: Asking): AsyncGenerator<GenerateItem, GenerateEnd> {
    const { slots } = this.#assertServing()
    const arrivedAt = this.#now()
    const giveBack = await slots.take(asking.controller.signal)
    const startedAt = this.#now()
    let firstAt: number | null = null
    let isFull = asking.upstream.body.max_tokens === 0
    try {
      for await (const item of isFull ? [] : this.#items(asking)) {
        firstAt ??= this.#now()
        yield item
      }
    } catch (error) {
      if (!isContextFull(error, asking)) throw error
      isFull = true
    } finally {
      giveBack()
    }
    const endedAt = this.#now()
    const { finishReason, usage } = isFull ? fullEnd(asking) : asking.reader.result()
    this.#failures = 0
    const timings = {
      queueMs: startedAt - arrivedAt,
      prefillMs: (firstAt ?? endedAt) - startedAt,
      decodeMs: endedAt - (firstAt ?? endedAt)
    }
    this.#rates.measured(usage, timings, asking.resumedTokens)
    return { finishReason, usage, timings }
  }

  async *#items(asking: Asking): AsyncGenerator<GenerateItem, void> {
    const { reader, controller } = asking
    const parser = new SseParser()
    let timer: NodeJS.Timeout | undefined
    try {
      for await (const bytes of this.#stream(asking)) {
        for (const event of parser.push(bytes)) {
          const item = reader.push(event)
          if (item !== null) yield item
          if (reader.isDone) return
        }
        if (reader.isComplete) {
          timer ??= setTimeout(() => controller.abort(USAGE_IS_LATE), USAGE_WAIT_MS)
        }
      }
    } catch (error) {
      const { aborted, reason } = controller.signal
      const isOver = reader.isComplete && (!aborted || reason === USAGE_IS_LATE)
      if (!isOver) throw error // otherwise only the usage is missing
    } finally {
      clearTimeout(timer)
    }
  }

  /** vLLM refuses what may become longer than the context; here that ends the answer when it does. */
  async *#stream({ upstream, reader, controller }: Asking): AsyncGenerator<Buffer, void> {
    const { client } = this.#options
    const { path, body } = upstream
    const options = { signal: controller.signal, hasBegun: () => reader.hasBegun }
    try {
      yield* client.post(path, body, options)
    } catch (error) {
      const room = roomIn(error)
      if (room === null || room >= body.max_tokens) throw error
      yield* client.post(path, { ...body, max_tokens: room }, options)
    }
  }

  #judge(error: unknown, { resumedTokens }: Asking): unknown {
    if (!(error instanceof HaifError)) return error
    if (error instanceof ServerGone || error.code === 'MODEL_NOT_FOUND') this.#gone(error)
    else if (error.code === 'ENGINE_FAILED' && ++this.#failures >= FAILURES_MAX) this.#gone(error)
    // What was asked is fine, and another worker may go on with it; this server cannot.
    const isAboutResuming = resumedTokens > 0 && error.httpStatus === 400
    return isAboutResuming ? new HaifError('ENGINE_FAILED', error.message, { cause: error }) : error
  }

  /** New requests are refused; those that run may still end. */
  #gone(error: HaifError): void {
    if (this.#refusal !== null || this.#serving === null) return
    this.#refusal = new HaifError('ENGINE_FAILED', error.message, { cause: error })
    this.#serving.gauge.stop()
    this.#lose(error)
  }
}

/** The prompt did fit when the answer began, so it is the answer that has filled the context. */
const isContextFull = (error: unknown, { resumedTokens }: Asking): boolean =>
  resumedTokens > 0 && error instanceof HaifError && error.code === 'CONTEXT_TOO_LONG'

/** All that there could be has been written by others. */
function fullEnd({ request, resumedTokens }: Asking): Pick<GenerateEnd, 'finishReason' | 'usage'> {
  const usage: Usage = {
    promptTokens: guessPromptTokens(request),
    cachedPromptTokens: 0,
    completionTokens: resumedTokens,
    estimated: true
  }
  return { finishReason: 'length', usage }
}

function guessPromptTokens({ input }: GenerateRequest): number {
  if (input.mode === 'tokens') return input.tokenIds.length
  const characters = inputTexts(input).reduce((sum, text) => sum + text.length, 0)
  return Math.max(1, Math.ceil(characters / CHARACTERS_PER_TOKEN))
}

/** Tokens that the context has left after the prompt, where the refusal tells both numbers. */
function roomIn(error: unknown): number | null {
  if (!(error instanceof HaifError) || error.code !== 'CONTEXT_TOO_LONG') return null
  const { promptTokens, contextTokens } = error.details ?? {}
  if (typeof promptTokens !== 'number' || typeof contextTokens !== 'number') return null
  return contextTokens > promptTokens ? contextTokens - promptTokens : null
}
