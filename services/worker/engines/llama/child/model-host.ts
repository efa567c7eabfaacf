/**
 * One model at work: takes messages, hands them to the scheduler and sends back one message per
 * step. It runs in a thread of its own or on the process's main thread, as its driver needs.
 */
import { flushCompileCache } from 'node:module'
import { reasonOf } from '#shared/kit/reason-of.ts'
import type { EmbedInput, GenerateRequest } from '../../engine.ts'
import { overwritten, type FileStamp } from '../file-stamp.ts'
import {
  toFailure,
  type ChildMessage,
  type EmbedMessage,
  type KvTokens,
  type LoadOptions,
  type StepMessage,
  type Work
} from '../messages.ts'
import { EmbeddingContext } from './embedding-context.ts'
import { jobOf, promptTokensOf } from './job.ts'
import { loadModel, type LoadDriver, type LoadedModel } from './load-model.ts'
import { Scheduler } from './schedule/scheduler.ts'

interface ModelHostDeps {
  load: LoadDriver
  send: (message: ChildMessage) => void
  /** Called when the process should be replaced. */
  giveUp: (error: unknown) => void
  /** True when a step keeps this thread busy, so that reports are sent before it begins. */
  sendsAtOnce: boolean
  /** Why `node-llama-cpp` computes, if it does. */
  libraryBecause?: string
  /** Writes a line of llama.cpp's log. */
  log: (line: string) => void
}

interface Serving {
  files: readonly FileStamp[]
  loaded: LoadedModel
  scheduler: Scheduler
  embedder: EmbeddingContext
}

export class ModelHost {
  readonly #deps: ModelHostDeps
  #serving: Serving | null = null
  #lastLogLine = ''
  /** Nothing that was computed leaves this process any more; it is about to end. */
  #isSpoilt = false
  #reportedKvTokens: KvTokens = { runningTokens: 0, keptTokens: 0 }

  constructor(deps: ModelHostDeps) {
    this.#deps = deps
  }

  /** When the step in progress began; 0 between steps. */
  get stepStartedAt(): number {
    return this.#serving?.scheduler.stepStartedAt ?? 0
  }

  receive(message: Work): void {
    switch (message.kind) {
      case 'load':
        this.#load(message.options).catch((error: unknown) => this.#reportLoadFailure(error))
        break
      case 'generate':
        this.#submit(message.id, message.request)
        break
      case 'embed':
        void this.#embed(message.id, message.inputs)
        break
      case 'count':
        this.#count(message.id, message.request)
        break
      case 'cancel':
        this.#serving?.scheduler.cancel(message.id)
        this.#serving?.embedder.cancel(message.id)
        break
      case 'credit':
        this.#serving?.scheduler.credit(message.id, message.tokens)
        break
    }
  }

  async #load(options: LoadOptions): Promise<void> {
    const { send, giveUp, load, log, sendsAtOnce } = this.#deps
    const { files = [] } = options
    let reported = 0
    const loaded = await loadModel(load, options, {
      onProgress: (fraction) => {
        if (fraction < 1 && fraction - reported < PROGRESS_STEP) return
        reported = fraction
        send({ kind: 'progress', fraction })
      },
      onLog: (line) => {
        this.#lastLogLine = line || this.#lastLogLine
        log(line)
      }
    })
    const { driver, calibration, vocabulary, openEmbedding, ready } = loaded
    const scheduler = new Scheduler({
      driver,
      calibration,
      creditTokens: options.creditTokens,
      onStep: (message) => this.#sendComputed(message),
      sendsAtOnce,
      onBroken: giveUp
    })
    const { contextTokens } = ready
    const open = () => openEmbedding(contextTokens)
    const embedder = new EmbeddingContext({ vocabulary, contextTokens, open })
    this.#serving = { files, loaded, scheduler, embedder }
    setInterval(() => this.#reportKvTokens(scheduler.kvTokens), KV_TOKENS_MS)
    const { libraryBecause } = this.#deps
    const how = libraryBecause === undefined ? {} : { libraryBecause }
    send({ kind: 'ready', model: { ...ready, ...how } })
    // The process will be killed, before Node would write what it compiled for the next one.
    flushCompileCache()
  }

  /**
   * The weights are read from the disk as they are needed, so what somebody writes into their file
   * is computed with: nobody shall hear of that. Looking takes some microseconds a file.
   */
  #sendComputed(message: StepMessage | EmbedMessage): void {
    const file = this.#isSpoilt ? null : overwritten(this.#serving?.files ?? [])
    if (file !== null) {
      this.#isSpoilt = true
      this.#deps.giveUp(new Error(`${file} was written into while it was loaded`))
    }
    if (!this.#isSpoilt) this.#deps.send(message)
  }

  #reportLoadFailure(error: unknown): void {
    const reason =
      this.#lastLogLine === ''
        ? reasonOf(error)
        : `${reasonOf(error)} (${reasonOf(this.#lastLogLine)})`
    this.#deps.send({ kind: 'loadFailed', reason })
  }

  #submit(id: number, request: GenerateRequest): void {
    if (this.#serving === null) return
    const { scheduler, loaded } = this.#serving
    try {
      scheduler.submit(jobOf(id, request, loaded))
    } catch (error) {
      const { rates } = loaded.ready
      const failures: StepMessage['failures'] = [[id, toFailure(error)]]
      this.#deps.send({ kind: 'step', parts: [], ends: [], failures, rates })
    }
  }

  async #embed(id: number, inputs: readonly EmbedInput[]): Promise<void> {
    try {
      const embedded = (await this.#serving?.embedder.embed(id, inputs)) ?? null
      if (embedded !== null) this.#sendComputed({ kind: 'embedded', ...embedded })
    } catch (error) {
      this.#deps.send({ kind: 'embedFailed', id, failure: toFailure(error) })
    }
  }

  #count(id: number, request: GenerateRequest): void {
    if (this.#serving === null) return
    try {
      const promptTokens = promptTokensOf(request, this.#serving.loaded)
      this.#deps.send({ kind: 'embedded', id, vectors: [], promptTokens })
    } catch (error) {
      this.#deps.send({ kind: 'embedFailed', id, failure: toFailure(error) })
    }
  }

  /** Reported by the clock and not with each step, because nobody looks at it more often. */
  #reportKvTokens(tokens: KvTokens): void {
    const { runningTokens, keptTokens } = tokens
    const last = this.#reportedKvTokens
    if (runningTokens === last.runningTokens && keptTokens === last.keptTokens) return
    this.#reportedKvTokens = tokens
    this.#deps.send({ kind: 'kvCache', ...tokens })
  }
}

const PROGRESS_STEP = 0.01
const KV_TOKENS_MS = 1_000
