/**
 * The `openai` engine: a model on a server that speaks the OpenAI protocol and that somebody else
 * runs. This is how a model larger than one GPU joins: vLLM or SGLang with all their GPUs are one
 * worker.
 *
 * Such a server sends text and perhaps a number of tokens, but no token ids that would mean the
 * same elsewhere: items carry a count and no ids, and an answer is continued by its text.
 */
import { HaifError, toHaifError } from '#shared/errors.ts'
import type { Slots } from '#shared/kit/slots.ts'
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
import { AbortableRuns } from '../abortable-runs.ts'
import { requestSlots } from '../slots.ts'
import { DIALECTS } from './dialect.ts'
import { embedUpstream } from './embedding.ts'
import { identifyModel, type UpstreamModel } from './identify.ts'
import { LoadGauge } from './load-gauge.ts'
import { TokenRates } from './rates.ts'
import { UpstreamAnswer } from './upstream-answer.ts'
import type { UpstreamClient } from './upstream-client.ts'
import { ServerGone } from './upstream-errors.ts'

interface OpenAiEngineOptions {
  client: UpstreamClient
  /** The model's name, on the server and for clients. */
  id: string
  /** Requests at the server at once; by default the server's own number, or 16. */
  slots?: number
  /** Makes `load` ask for a token, because a failed server may still list its models. */
  prove?: boolean
  now?: () => number
}

interface Serving {
  model: UpstreamModel
  slots: Slots
  gauge: LoadGauge
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
/** As many failures in a row mean that the server is broken, and not a request. */
const FAILURES_MAX = 3
const EMBED_PROBE_MS = 5_000

export class OpenAiEngine implements Engine {
  readonly kind = 'openai'
  /** Set by `load` when the server has made a vector. */
  embed?: NonNullable<Engine['embed']>
  readonly lost: Promise<HaifError>
  readonly #options: OpenAiEngineOptions
  readonly #now: () => number
  readonly #runs = new AbortableRuns() // at most the slots and the requests that wait for one
  readonly #rates = new TokenRates()
  readonly #lose: (error: HaifError) => void
  #serving: Serving | null = null
  #failures = 0 // in a row
  #givesReasons = false
  #refusal: HaifError | null = null // the error of every new request: closed, or lost

  constructor(options: OpenAiEngineOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    const { promise, resolve } = Promise.withResolvers<HaifError>()
    this.lost = promise
    this.#lose = resolve
  }

  /** Depends on the kind of server, which `load` finds out; before it, OpenAI's own fields. */
  get parameters(): ReadonlySet<string> {
    const { sampling, continues, takesTokens, scoresPrompts } =
      DIALECTS[this.#serving?.model.kind ?? 'other']
    const names = [...REQUEST_PARAMETERS, ...Object.keys(sampling), 'media']
    const parameters = new Set<string>(names)
    if (takesTokens) parameters.add('tokens')
    if (scoresPrompts) parameters.add('promptLogprobs')
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
    return { name, ...facts, chatTemplate: true } // a server without one refuses messages itself
  }

  #serve(model: UpstreamModel): Serving {
    const { client, id } = this.#options
    const slots = requestSlots(this.#options.slots ?? model.slots ?? SLOTS_DEFAULT)
    const gauge = new LoadGauge({
      client,
      kind: model.kind,
      id,
      own: () => slots.running,
      onGone: (error) => this.#gone(error)
    })
    return { model, slots, gauge }
  }

  /** Asks for a vector, because no server reports it, except Ollama, which would load the model. */
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
    caller.throwIfAborted()
    using run = this.#runs.enter(caller)
    const { signal } = run
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
      // A server that refuses a chat answers, too.
      if (toHaifError(error).httpStatus !== 400) throw error
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
    this.#runs.abortAll(this.#refusal)
  }

  async *generate(
    request: GenerateRequest,
    signal: AbortSignal
  ): AsyncGenerator<GenerateItem, GenerateEnd> {
    signal.throwIfAborted()
    const { model } = this.#assertServing()
    using run = this.#runs.enter(signal)
    const { client } = this.#options
    const givesReasons = this.#givesReasons
    const answer = new UpstreamAnswer(request, { client, model, run, givesReasons })
    try {
      return yield* this.#answer(answer, run.signal)
    } catch (error) {
      run.signal.throwIfAborted()
      throw this.#judge(error, answer)
    }
  }

  #assertServing(): Serving {
    if (this.#refusal !== null) throw this.#refusal
    if (this.#serving === null) throw new HaifError('ENGINE_FAILED', 'the model is not loaded')
    return this.#serving
  }

  async *#answer(
    answer: UpstreamAnswer,
    signal: AbortSignal
  ): AsyncGenerator<GenerateItem, GenerateEnd> {
    const { slots } = this.#assertServing()
    const arrivedAt = this.#now()
    const giveBack = await slots.take(signal)
    const startedAt = this.#now()
    let firstAt: number | null = null
    try {
      for await (const item of answer.items()) {
        firstAt ??= this.#now()
        yield item
      }
    } finally {
      giveBack()
    }
    const endedAt = this.#now()
    const { finishReason, usage } = answer.result()
    this.#givesReasons ||= answer.hasReason
    this.#failures = 0
    const timings = {
      queueMs: startedAt - arrivedAt,
      prefillMs: (firstAt ?? endedAt) - startedAt,
      decodeMs: endedAt - (firstAt ?? endedAt)
    }
    this.#rates.measured(usage, timings, answer.resumedTokens)
    return { finishReason, usage, timings }
  }

  #judge(error: unknown, { resumedTokens }: UpstreamAnswer): unknown {
    if (!(error instanceof HaifError)) return error
    if (error instanceof ServerGone || error.code === 'MODEL_NOT_FOUND') this.#gone(error)
    else if (error.code === 'ENGINE_FAILED' && ++this.#failures >= FAILURES_MAX) this.#gone(error)
    // The request is valid, and another worker may continue the answer; this server cannot.
    const isAboutResuming = resumedTokens > 0 && error.httpStatus === 400
    return isAboutResuming ? new HaifError('ENGINE_FAILED', error.message, { cause: error }) : error
  }

  /** Refuses new requests; those that run may still end. */
  #gone(error: HaifError): void {
    if (this.#refusal !== null || this.#serving === null) return
    this.#refusal = new HaifError('ENGINE_FAILED', error.message, { cause: error })
    this.#serving.gauge.stop()
    this.#lose(error)
  }
}
