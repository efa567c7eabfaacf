/**
 * The `llama` engine: a GGUF file on llama.cpp, in a supervised process of its own. This side keeps
 * the requests: it admits them, hands their answers to the readers, and fails them when the process
 * dies. It survives whatever the file or the library does.
 */
import type { Memory } from '#shared/contracts/peers.ts'
import { HaifError } from '#shared/errors.ts'
import type {
  EmbedInput,
  Embeddings,
  Engine,
  EngineMetrics,
  GenerateEnd,
  GenerateItem,
  GenerateRequest,
  KvCache,
  LoadedModel,
  MemoryEstimate
} from '../engine.ts'
import { oneLine } from '../one-line.ts'
import { AnswerStream, CREDIT_TOKENS } from './answer-stream.ts'
import { EmbedCalls } from './embed-calls.ts'
import { fitModel } from './estimate.ts'
import { fromFailure } from './failure.ts'
import { deviceEnv, type GpuSetting } from './gpu-device.ts'
import { inspectModel, type InspectedModel } from './inspect.ts'
import type { LoadOptions, Rates, ReadyModel, StepMessage } from './messages.ts'
import { identifyModelFile, isSameFile, modelLoadFailed, type ModelFile } from './model-file.ts'
import { RESTART_POLICY, type RestartPolicy } from './restart-delay.ts'
import { SAMPLING_PARAMETERS } from './sampling.ts'
import { Supervisor, type ProcessEvent } from './supervisor.ts'

export type LlamaEngineEvent = ProcessEvent

export interface LlamaEngineOptions extends GpuSetting {
  modelPath: string
  /** The name that clients use. */
  name: string
  /** Requests that run at once: 8, or fewer if memory is short. */
  slots?: number
  /** Tokens of prompt and answer together: what the model was trained on, up to 4,096, if it fits. */
  contextTokens?: number
  /** Requests without a slot that are kept; more are refused with WORKER_OVERLOADED. */
  waitingMax?: number
  onEvent?: (event: LlamaEngineEvent) => void
  restart?: Partial<RestartPolicy>
  loadTimeoutMs?: number
  /** How long a request waits for a process that is being started again. */
  restartWaitMs?: number
}

export function createLlamaEngine(options: LlamaEngineOptions): LlamaEngine {
  return new LlamaEngine(options)
}

export class LlamaEngine implements Engine {
  readonly kind = 'llama'
  readonly parameters: ReadonlySet<string> = new Set([
    ...SAMPLING_PARAMETERS,
    ...REQUEST_PARAMETERS,
    'tokens'
  ])
  readonly #options: LlamaEngineOptions
  readonly #loadOptions: LoadOptions
  readonly #supervisor: Supervisor
  readonly #answers = new Map<number, AnswerStream>()
  readonly #embedCalls = new EmbedCalls((message) => this.#supervisor.send(message))
  readonly #restartTimers = new Map<number, NodeJS.Timeout>()
  #nextId = 1
  #file: ModelFile | null = null
  #slots = 0
  #rates: Rates = { prefill: 0, decode: 0 }
  #kvCache: KvCache = { runningTokens: 0, keptTokens: 0, tokensMax: 0 }
  #onProgress: (fraction: number) => void = () => {}
  #closed = false

  constructor(options: LlamaEngineOptions) {
    this.#options = options
    this.#loadOptions = loadOptions(options)
    this.#supervisor = new Supervisor({
      options: this.#loadOptions,
      env: deviceEnv(options),
      restart: { ...RESTART_POLICY, ...options.restart },
      loadTimeoutMs: () => options.loadTimeoutMs ?? loadTimeoutMs(this.#file?.sizeBytes ?? 0),
      checkFile: () => this.#checkFile(),
      onEvent: (event) => {
        options.onEvent?.(event)
        if (event.kind === 'progress') this.#onProgress(event.fraction)
      },
      onUp: (model) => this.#onUp(model),
      onDown: () => this.#onDown(),
      onStep: (message) => this.#onStep(message),
      onKvTokens: ({ runningTokens, keptTokens }) => {
        this.#kvCache = { ...this.#kvCache, runningTokens, keptTokens }
      },
      onEmbed: (message) => this.#embedCalls.settle(message)
    })
  }

  async estimate(most: Memory): Promise<MemoryEstimate | null> {
    // Its hash is taken before anything parses it.
    const { sizeBytes, digest } = await this.#identify()
    const fitted = fitModel(await this.#inspect(digest), most)
    if (fitted === null) return null
    const { slots, contextTokens, memory } = fitted
    const wished = this.#options
    this.#loadOptions.slots = Math.min(slots, wished.slots ?? slots)
    this.#loadOptions.contextTokens = Math.min(contextTokens, wished.contextTokens ?? contextTokens)
    return { memory, sizeBytes }
  }

  async #inspect(digest: string): Promise<InspectedModel> {
    const { modelPath, gpu, gpuDevice } = this.#options
    try {
      return await inspectModel(modelPath, digest, { gpu, gpuDevice })
    } catch (error) {
      throw modelLoadFailed(modelPath, `${oneLine(error)}; download it again`, error)
    }
  }

  async #identify(): Promise<ModelFile> {
    const { modelPath } = this.#options
    const known = this.#file
    if (known !== null && (await isSameFile(modelPath, known))) return known
    return (this.#file = await identifyModelFile(modelPath))
  }

  async load(onProgress: (fraction: number) => void = () => {}): Promise<LoadedModel> {
    const { modelPath, name } = this.#options
    this.#onProgress = onProgress
    const file = await this.#identify()
    const model = await this.#start(modelPath)
    return {
      name,
      digest: file.digest,
      contextTokens: model.contextTokens,
      ...(model.quantization === null ? {} : { quantization: model.quantization }),
      ...(model.parameters === null ? {} : { parameters: model.parameters }),
      sizeBytes: file.sizeBytes,
      chatTemplate: model.chatTemplate,
      reasoning: model.reasoning,
      tools: model.tools,
      memory: model.memory
    }
  }

  async #start(modelPath: string): Promise<ReadyModel> {
    if (this.#closed) throw shuttingDown()
    try {
      return await this.#supervisor.start()
    } catch (error) {
      if (this.#closed) throw shuttingDown()
      const reason = `it is damaged, cut off or too large for this machine; download it again, or choose a smaller model (${oneLine(error)})`
      throw modelLoadFailed(modelPath, reason, error)
    }
  }

  async *generate(
    request: GenerateRequest,
    signal: AbortSignal
  ): AsyncGenerator<GenerateItem, GenerateEnd> {
    signal.throwIfAborted()
    const answer = this.#admit(request)
    const abort = () => {
      answer.fail(signal.reason)
      this.#forget(answer)
    }
    signal.addEventListener('abort', abort, { once: true })
    try {
      for (;;) {
        const item = await answer.take()
        if (item === null) return answer.result
        yield item
      }
    } finally {
      signal.removeEventListener('abort', abort)
      this.#forget(answer)
    }
  }

  async embed(inputs: readonly EmbedInput[], signal: AbortSignal): Promise<Embeddings> {
    if (this.#closed) throw shuttingDown()
    if (!this.#supervisor.up) throw this.#diedOrDown('the process that runs the model is not up')
    return this.#embedCalls.embed(this.#nextId++, inputs, signal)
  }

  metrics(): EngineMetrics {
    const admitted = this.#answers.size
    const running = this.#supervisor.up ? Math.min(this.#slots, admitted) : 0
    return {
      slots: this.#slots,
      running,
      waiting: admitted - running,
      prefillTokensPerSecond: this.#rates.prefill,
      decodeTokensPerSecond: this.#rates.decode,
      kvCache: this.#kvCache
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const answer of this.#answers.values()) this.#fail(answer, shuttingDown())
    this.#embedCalls.failAll(shuttingDown())
    await this.#supervisor.close(CLOSE_TIMEOUT_MS)
  }

  #admit(request: GenerateRequest): AnswerStream {
    if (this.#closed) throw shuttingDown()
    if (this.#slots === 0) throw new HaifError('ENGINE_FAILED', 'the model is not loaded')
    const { waitingMax = WAITING_MAX } = this.#options
    if (this.#answers.size >= this.#slots + waitingMax) {
      throw new HaifError(
        'WORKER_OVERLOADED',
        `all ${this.#slots} slots are taken and ${waitingMax} requests wait: try again later`,
        { retryAfterMs: OVERLOADED_RETRY_MS }
      )
    }
    const id = this.#nextId++
    const answer = new AnswerStream(id, request, (tokens) => {
      this.#supervisor.send({ kind: 'credit', id, tokens })
    })
    this.#answers.set(id, answer)
    if (this.#supervisor.up) this.#send(answer)
    else this.#waitForRestart(answer)
    return answer
  }

  #send({ id, request }: AnswerStream): void {
    this.#supervisor.send({ kind: 'generate', id, request })
  }

  #waitForRestart(answer: AnswerStream): void {
    const waitMs = this.#options.restartWaitMs ?? RESTART_WAIT_MS
    const timer = setTimeout(() => {
      this.#fail(
        answer,
        new HaifError('ENGINE_FAILED', 'the process that runs the model is being started again', {
          retryAfterMs: Math.max(this.#supervisor.retryAfterMs, RESTART_RETRY_MS)
        })
      )
    }, waitMs)
    this.#restartTimers.set(answer.id, timer)
  }

  #onUp(model: ReadyModel): void {
    this.#slots = model.slots
    this.#rates = model.rates
    this.#kvCache = { runningTokens: 0, keptTokens: 0, tokensMax: model.kvTokensMax }
    for (const answer of this.#answers.values()) {
      this.#stopWaiting(answer)
      this.#send(answer)
    }
  }

  /** Whatever was in the process is lost with it; the caller may resume from the tokens it has. */
  #onDown(): void {
    const died = this.#diedOrDown('the process that ran the model died; it is started again')
    this.#kvCache = { ...this.#kvCache, runningTokens: 0, keptTokens: 0 }
    for (const answer of this.#answers.values()) this.#fail(answer, died)
    this.#embedCalls.failAll(died)
  }

  #diedOrDown(message: string): HaifError {
    return new HaifError('ENGINE_FAILED', message, {
      retryAfterMs: this.#supervisor.retryAfterMs + RESTART_RETRY_MS
    })
  }

  #onStep({ parts, ends, failures, rates }: StepMessage): void {
    this.#rates = rates
    for (const [id, tokenIds, text, more] of parts) {
      this.#answers.get(id)?.push(tokenIds, text, more)
    }
    for (const [id, end] of ends) {
      const answer = this.#answers.get(id)
      this.#answers.delete(id)
      answer?.end(end)
    }
    for (const [id, failure] of failures) {
      const answer = this.#answers.get(id)
      if (answer !== undefined) this.#fail(answer, fromFailure(failure))
    }
  }

  #fail(answer: AnswerStream, error: HaifError): void {
    this.#answers.delete(answer.id)
    this.#stopWaiting(answer)
    answer.fail(error)
  }

  /** The reader is gone; if the answer is not over, the process has to be told. */
  #forget(answer: AnswerStream): void {
    this.#stopWaiting(answer)
    if (this.#answers.delete(answer.id)) this.#supervisor.send({ kind: 'cancel', id: answer.id })
  }

  #stopWaiting({ id }: AnswerStream): void {
    clearTimeout(this.#restartTimers.get(id))
    this.#restartTimers.delete(id)
  }

  /** A file that was replaced under its name is another model, even if it loads. */
  async #checkFile(): Promise<void> {
    const { modelPath } = this.#options
    const known = this.#file
    if (known === null || (await isSameFile(modelPath, known))) return
    const now = await identifyModelFile(modelPath)
    if (now.digest !== known.digest) {
      throw modelLoadFailed(
        modelPath,
        'the file has changed since it was loaded; restart the worker'
      )
    }
    this.#file = now
  }
}

const REQUEST_PARAMETERS = [
  'input',
  'maxTokens',
  'sampling',
  'stop',
  'responseFormat',
  'logprobs',
  'topLogprobs',
  'resumeTokenIds',
  'resumeText',
  'resumeReasoning',
  'tools',
  'toolChoice',
  'parallelToolCalls',
  'reasoningEffort'
] as const satisfies (keyof GenerateRequest)[]

const WAITING_MAX = 256
const RESTART_WAIT_MS = 10_000
const RESTART_RETRY_MS = 1_000
const OVERLOADED_RETRY_MS = 1_000
const CLOSE_TIMEOUT_MS = 1_500

/** To start the process and to measure, and to read the file from a slow disk: 630 s for 40 GB. */
const loadTimeoutMs = (sizeBytes: number): number => 60_000 + sizeBytes / LOAD_BYTES_PER_MS
const LOAD_BYTES_PER_MS = 70_000

function loadOptions({ modelPath, slots, contextTokens, gpu }: LlamaEngineOptions): LoadOptions {
  return {
    modelPath,
    gpu: gpu ?? 'auto',
    creditTokens: CREDIT_TOKENS,
    ...(slots === undefined ? {} : { slots }),
    ...(contextTokens === undefined ? {} : { contextTokens })
  }
}

function shuttingDown(): HaifError {
  return new HaifError('SHUTTING_DOWN', 'the worker is stopping')
}
