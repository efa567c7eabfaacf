/**
 * The `llama` engine: a GGUF file on llama.cpp, in a supervised process of its own. It survives
 * whatever the file or the library does: this side keeps the file and the waiting requests, and
 * replaces the process when it dies.
 */
import type { Memory } from '#shared/contracts/peers/peers.ts'
import type { Sampling } from '#shared/contracts/inference/request.ts'
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
} from '../../engine.ts'
import { reasonOf } from '#shared/kit/reason-of.ts'
import { CREDIT_TOKENS } from './answer-stream.ts'
import { EmbedCalls } from './embed-calls.ts'
import { fitModel } from './fit-model.ts'
import { GenerateCalls, hangs } from './generate-calls.ts'
import { HANG_POLICY, type HangPolicy } from './heartbeat.ts'
import { bytesOfKernels } from './gpu/kernel-cache.ts'
import { ProcessMemory } from './gpu/process-memory.ts'
import { deviceEnv, type GpuSetting } from './gpu/gpu-setting.ts'
import { InspectFailed, inspectModel } from './inspect.ts'
import type { ModelOptions } from '../../../models/model-options.ts'
import type { InspectedModel } from '../inspection.ts'
import type { ContextChoices, LoadOptions, Rates, ReadyModel, StepMessage } from '../messages.ts'
import { loadFailure } from './load-failure.ts'
import { SAMPLING_DEFAULTS } from '../defaults.ts'
import { KnownDigests } from './file/known-digests.ts'
import { KnownSpeeds } from './known-speeds.ts'
import { KnownFile, modelLoadFailed } from './file/known-file.ts'
import { RESTART_POLICY, RESTART_RETRY_MS, type RestartPolicy } from './restart-delay.ts'
import { Supervisor, type ProcessEvent } from './supervisor.ts'

export type LlamaEngineEvent = ProcessEvent

export interface LlamaEngineOptions extends GpuSetting, ModelOptions {
  modelPath: string
  /** The name that clients use. */
  name: string
  /** A file that keeps the digests of models between starts. */
  digests?: string | undefined
  /** The SHA-256 that each file of the model must have: a download's. */
  recorded?: readonly string[] | undefined
  /** A file that keeps what was measured with models between starts. */
  speeds?: string | undefined
  /** The models of this worker, which share its memory; one unless given. */
  models?: number
  /** The cores to compute on; by default all. */
  cores?: number | undefined
  /** Requests that may wait for a slot; more are refused with WORKER_OVERLOADED. */
  waitingMax?: number
  onEvent?: (event: LlamaEngineEvent) => void
  /** Called with a line for whoever runs the worker. */
  onNote?: (note: string) => void
  /** The same when its process hangs or has died; as a note unless given. */
  onTrouble?: (note: string) => void
  restart?: Partial<RestartPolicy>
  hang?: Partial<HangPolicy>
  /** How long a load may stand still. */
  loadStillMs?: number
  /** How long a request waits for a process that is being restarted. */
  restartWaitMs?: number
}

export function createLlamaEngine(options: LlamaEngineOptions): LlamaEngine {
  return new LlamaEngine(options)
}

export class LlamaEngine implements Engine {
  readonly kind = 'llama'
  readonly defaults = SAMPLING_DEFAULTS
  readonly parameters: ReadonlySet<string> = new Set([
    ...SAMPLING_PARAMETERS,
    ...REQUEST_PARAMETERS,
    'tokens'
  ])
  readonly #options: LlamaEngineOptions
  readonly #loadOptions: LoadOptions
  readonly lost: Promise<HaifError>
  readonly #lose: (error: HaifError) => void
  readonly #supervisor: Supervisor
  readonly #file: KnownFile
  readonly #generateCalls: GenerateCalls
  readonly #embedCalls = new EmbedCalls((message) => this.#supervisor.send(message))
  #nextId = 1
  #rates: Rates = { prefill: 0, decode: 0 }
  #kvCache: KvCache = { runningTokens: 0, keptTokens: 0, tokensMax: 0 }
  #onProgress: (fraction: number) => void = () => {}
  /** The error of every new request: closed, or lost. */
  #refusal: HaifError | null = null
  #watch: Disposable | null = null
  /** Of the process that runs on a card of NVIDIA. */
  #memory: ProcessMemory | null = null
  #pid = 0

  constructor(options: LlamaEngineOptions) {
    this.#options = options
    this.#loadOptions = loadOptions(options)
    const { promise, resolve } = Promise.withResolvers<HaifError>()
    this.lost = promise
    this.#lose = resolve
    const { modelPath, digests, recorded } = options
    const known = digests === undefined ? null : new KnownDigests(digests)
    this.#file = new KnownFile(modelPath, { digests: known, recorded })
    this.#supervisor = new Supervisor({
      options: this.#loadOptions,
      env: deviceEnv(options),
      restart: { ...RESTART_POLICY, ...options.restart },
      hang: { ...HANG_POLICY, ...options.hang },
      patience: {
        stillMs: options.loadStillMs ?? LOAD_STILL_MS,
        progress: () => bytesOfKernels(options.kernelCache)
      },
      checkFile: async () => {
        this.#loadOptions.files = (await this.#file.assertSame()).files
      },
      onEvent: (event) => {
        options.onEvent?.(event)
        if (event.kind === 'ready') this.#pid = event.pid
        if (event.kind === 'progress') this.#onProgress(event.fraction)
        if (event.kind === 'ready') this.#noteDriver(event.model)
      },
      onUp: (model) => this.#onUp(model),
      onDown: () => this.#onDown(),
      onHung: (reason) => this.#failAll(hangs(reason)),
      onGivenUp: (error) => this.#gone(this.#asLoadFailure(error)),
      onStep: (message) => this.#onStep(message),
      onKvTokens: ({ runningTokens, keptTokens }) => {
        this.#kvCache = { ...this.#kvCache, runningTokens, keptTokens }
      },
      onEmbed: (message) => this.#embedCalls.settle(message)
    })
    const { waitingMax, restartWaitMs } = options
    this.#generateCalls = new GenerateCalls({
      process: this.#supervisor,
      nextId: () => this.#nextId++,
      ...(waitingMax === undefined ? {} : { waitingMax }),
      ...(restartWaitMs === undefined ? {} : { restartWaitMs })
    })
  }

  async digest(): Promise<string> {
    return (await this.#file.identify()).digest
  }

  async estimate(most: Memory): Promise<MemoryEstimate | null> {
    // The file is hashed before anything parses it.
    const { sizeBytes, digest } = await this.#file.identify()
    const { slots, contextTokens, models = 1 } = this.#options
    const fitted = fitModel(await this.#inspect(digest), most, { slots, contextTokens, models })
    if (fitted === null) return null
    this.#loadOptions.most = { slots: fitted.slots, contextTokens: fitted.contextTokens }
    return { memory: fitted.memory, sizeBytes }
  }

  async #inspect(digest: string): Promise<InspectedModel> {
    const { modelPath, gpu, gpuDevices, kernelCache } = this.#options
    const model = { path: modelPath, ...contextChoices(this.#options) }
    try {
      return await inspectModel(model, digest, { gpu, gpuDevices, kernelCache })
    } catch (error) {
      const failed = modelLoadFailed(modelPath, loadFailure(wordsOf(error)), error)
      if (!(error instanceof InspectFailed) || !error.isLate) throw failed
      const later = { cause: error, retryAfterMs: LATE_AGAIN_MS }
      throw new HaifError('MODEL_LOAD_FAILED', failed.message, later)
    }
  }

  async load(onProgress: (fraction: number) => void = () => {}): Promise<LoadedModel> {
    const { name } = this.#options
    this.#onProgress = onProgress
    const file = await this.#file.identify()
    this.#loadOptions.fileBytes = file.sizeBytes
    this.#loadOptions.files = file.files
    const speeds = this.#options.speeds === undefined ? null : new KnownSpeeds(this.#options.speeds)
    const known = speeds?.find(file.digest)
    if (known !== undefined) this.#loadOptions.measured = known
    const model = await this.#start()
    if (model.measured !== undefined) speeds?.keep(file.digest, model.measured)
    if (model.gpu === 'cuda') this.#memory = await ProcessMemory.of(this.#pid, model.memory)
    this.#watch ??= this.#file.watch((error) => this.#gone(error))
    return {
      name,
      digest: file.digest,
      contextTokens: model.contextTokens,
      ...(model.quantization === null ? {} : { quantization: model.quantization }),
      ...(model.parameters === null ? {} : { parameters: model.parameters }),
      sizeBytes: file.sizeBytes,
      chatTemplate: model.chatTemplate,
      ...(model.notice === undefined ? {} : { notice: model.notice }),
      reasoning: model.reasoning,
      tools: model.tools,
      memory: this.#memory?.now() ?? model.memory,
      backend: model.gpu === false ? 'cpu' : model.gpu
    }
  }

  async #start(): Promise<ReadyModel> {
    if (this.#refusal !== null) throw this.#refusal
    try {
      return await this.#supervisor.start()
    } catch (error) {
      if (this.#refusal !== null) throw this.#refusal
      throw this.#asLoadFailure(error)
    }
  }

  #asLoadFailure(error: unknown): HaifError {
    if (error instanceof HaifError) return error
    return modelLoadFailed(this.#options.modelPath, loadFailure(reasonOf(error)), error)
  }

  generate(
    request: GenerateRequest,
    signal: AbortSignal
  ): AsyncGenerator<GenerateItem, GenerateEnd> {
    return this.#generateCalls.generate(request, signal)
  }

  async count(request: GenerateRequest, signal: AbortSignal): Promise<number> {
    if (this.#refusal !== null) throw this.#refusal
    if (!this.#supervisor.up) throw this.#diedOrDown('the process that runs the model is not up')
    return this.#embedCalls.count(this.#nextId++, request, signal)
  }

  async embed(inputs: readonly EmbedInput[], signal: AbortSignal): Promise<Embeddings> {
    if (this.#refusal !== null) throw this.#refusal
    if (!this.#supervisor.up) throw this.#diedOrDown('the process that runs the model is not up')
    if (this.#supervisor.hung !== null) throw hangs(this.#supervisor.hung)
    return this.#embedCalls.embed(this.#nextId++, inputs, signal)
  }

  metrics(): EngineMetrics {
    const { size: admitted, slots } = this.#generateCalls
    const running = this.#supervisor.up ? Math.min(slots, admitted) : 0
    return {
      slots,
      running,
      waiting: admitted - running,
      prefillTokensPerSecond: this.#rates.prefill,
      decodeTokensPerSecond: this.#rates.decode,
      kvCache: this.#kvCache,
      ...this.#restarting(),
      ...(this.#memory === null ? {} : { memory: this.#memory.now() })
    }
  }

  async close(): Promise<void> {
    await this.#end(shuttingDown(), CLOSE_TIMEOUT_MS)
  }

  /** Its file is another one now, or its process does not come up again: nothing of it is right. */
  #gone(error: HaifError): void {
    if (this.#refusal !== null) return
    void this.#end(error, 0)
    this.#lose(error)
  }

  async #end(error: HaifError, withinMs: number): Promise<void> {
    this.#refusal ??= error
    this.#watch?.[Symbol.dispose]()
    this.#generateCalls.close(error)
    this.#embedCalls.failAll(error)
    await this.#supervisor.close(withinMs)
  }

  #noteDriver({ libraryBecause }: ReadyModel): void {
    if (libraryBecause === undefined) return
    const { name, onNote } = this.#options
    onNote?.(`${name}: computed through node-llama-cpp, which is slower: ${libraryBecause}`)
  }

  #onUp(model: ReadyModel): void {
    this.#rates = model.rates
    this.#kvCache = { runningTokens: 0, keptTokens: 0, tokensMax: model.kvTokensMax }
    if (this.#memory !== null) this.#watchMemory(model)
    this.#generateCalls.sendAll(model.slots)
  }

  /** Another process has taken the place of the one that was watched. */
  #watchMemory({ memory }: ReadyModel): void {
    void ProcessMemory.of(this.#pid, memory).then((watched) => (this.#memory = watched))
  }

  /**
   * All requests in the process are lost with it; their callers may resume from the tokens they
   * have.
   */
  #onDown(): void {
    this.#kvCache = { ...this.#kvCache, runningTokens: 0, keptTokens: 0 }
    this.#failAll(this.#diedOrDown(`${this.#diedBecause()}; it is started again`))
  }

  #failAll(error: HaifError): void {
    const { name, onNote, onTrouble = onNote } = this.#options
    onTrouble?.(`${name}: ${error.message}`)
    this.#generateCalls.failAll(error)
    this.#embedCalls.failAll(error)
  }

  #restarting(): Pick<EngineMetrics, 'restarting'> {
    const { hung, downMs } = this.#supervisor
    if (hung !== null) return { restarting: hangs(hung).message }
    return downMs < DOWN_MS_SILENT ? {} : { restarting: this.#diedBecause() }
  }

  #diedBecause(): string {
    return `the process that ran the model died (${this.#supervisor.downBecause})`
  }

  #diedOrDown(message: string): HaifError {
    return new HaifError('ENGINE_FAILED', message, {
      retryAfterMs: this.#supervisor.retryAfterMs + RESTART_RETRY_MS
    })
  }

  #onStep(message: StepMessage): void {
    this.#rates = message.rates
    this.#generateCalls.settle(message)
  }
}

/** The child honours every field of `Sampling`. */
const SAMPLING_PARAMETERS = [
  'temperature',
  'topP',
  'topK',
  'minP',
  'seed',
  'repeatPenalty',
  'frequencyPenalty',
  'presencePenalty',
  'logitBias'
] as const satisfies (keyof Sampling)[]

const REQUEST_PARAMETERS = [
  'input',
  'maxTokens',
  'sampling',
  'stop',
  'responseFormat',
  'logprobs',
  'topLogprobs',
  'promptLogprobs',
  'resumeTokenIds',
  'resumeText',
  'resumeReasoning',
  'tools',
  'toolChoice',
  'parallelToolCalls',
  'reasoningEffort',
  'templateVariables'
] as const satisfies (keyof GenerateRequest)[]

const CLOSE_TIMEOUT_MS = 1_500
/** A machine that had no time to look at the file may have some then. */
const LATE_AGAIN_MS = 10_000

/** A restart that is over sooner is no news: requests wait for it. */
const DOWN_MS_SILENT = 2_000

/**
 * A file is read in hundredths, each of which is a step of progress; between the last one and the
 * first answer a large context is cleared and the machine measured.
 */
const LOAD_STILL_MS = 120_000

function loadOptions(options: LlamaEngineOptions): LoadOptions {
  const { modelPath, slots, contextTokens, gpu, driver, cores, models = 1 } = options
  const { chatTemplate, toolsAsText } = options
  return {
    modelPath,
    gpu: gpu ?? 'auto',
    models,
    creditTokens: CREDIT_TOKENS,
    ...contextChoices(options),
    ...(cores === undefined ? {} : { cores }),
    ...(driver === undefined ? {} : { driver }),
    ...(chatTemplate === undefined ? {} : { chatTemplate }),
    ...(toolsAsText === undefined ? {} : { toolsAsText }),
    ...(slots === undefined ? {} : { slots }),
    ...(contextTokens === undefined ? {} : { contextTokens })
  }
}

const contextChoices = ({ kv, flashAttention }: LlamaEngineOptions): ContextChoices => ({
  ...(kv === undefined ? {} : { kv }),
  ...(flashAttention === undefined ? {} : { flashAttention })
})

const wordsOf = (error: unknown): string =>
  error instanceof InspectFailed
    ? error.log.replaceAll('\n', ' ').slice(-WORDS_MAX)
    : reasonOf(error)
const WORDS_MAX = 500

function shuttingDown(): HaifError {
  return new HaifError('SHUTTING_DOWN', 'the worker is stopping')
}
