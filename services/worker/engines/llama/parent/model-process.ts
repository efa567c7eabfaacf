/**
 * One life of the process that holds the model, from fork to exit. llama.cpp aborts on files and
 * requests that it did not expect, which no try/catch survives: only a process contains it.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { ProgressLimit } from '#shared/kit/progress-limit.ts'
import { reasonOf } from '#shared/kit/reason-of.ts'
import { LogTail } from '../../log-tail.ts'
import type {
  ChildMessage,
  EmbedMessage,
  KvTokens,
  LoadOptions,
  ParentMessage,
  ReadyModel,
  StepMessage
} from '../messages.ts'

export interface ProcessExit {
  pid: number
  code: number | null
  signal: NodeJS.Signals | null
  /** The last line that it wrote. */
  lastWords: string | null
}

interface ProcessHooks {
  onProgress: (fraction: number) => void
  onStep: (message: StepMessage) => void
  onKvTokens: (tokens: KvTokens) => void
  onEmbed: (message: EmbedMessage) => void
  onAlive: (deafSince: number) => void
  /** Called once, whatever the reason, after the last step message. */
  onExit: (exit: ProcessExit) => void
}

export interface LoadPatience {
  stillMs: number
  progress: () => number
}

const LOOK_MS = 1000

export class ModelProcess {
  readonly #child: ChildProcess
  readonly #tail = new LogTail()
  readonly #hooks: ProcessHooks
  readonly #loading = Promise.withResolvers<ReadyModel>()
  #progressed = 0
  readonly #exited = Promise.withResolvers<void>()

  constructor(hooks: ProcessHooks, env: NodeJS.ProcessEnv) {
    this.#hooks = hooks
    this.#child = fork(CHILD, [], { env, execArgv: [], stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
    this.#tail.read(this.#child.stdout!)
    this.#tail.read(this.#child.stderr!)
    this.#child.on('message', (message: ChildMessage) => this.#receive(message))
    // A channel that breaks is followed by 'exit'; without a listener it would throw.
    this.#child.on('error', (error) => this.#loading.reject(error))
    // Not 'close', which never comes after a disconnect() from this side.
    this.#child.on('exit', (code, signal) => void this.#onExit(code, signal))
    this.#loading.promise.catch(() => {}) // load() reports it; an exit later has nobody waiting
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Fails when for `stillMs` nothing got on: neither the load nor what `progress` counts. */
  async load(options: LoadOptions, { stillMs, progress }: LoadPatience): Promise<ReadyModel> {
    const limit = new ProgressLimit(stillMs, () => this.#progressed + progress())
    const timer = setInterval(
      () => {
        if (!limit.isOver(performance.now())) return
        const seconds = stillMs < 1000 ? stillMs / 1000 : Math.round(stillMs / 1000)
        this.#loading.reject(new Error(`its load did not get on for ${seconds} s`))
      },
      Math.min(LOOK_MS, stillMs / 3)
    )
    this.send({ kind: 'load', options })
    try {
      return await this.#loading.promise
    } catch (error) {
      this.kill()
      throw error
    } finally {
      clearInterval(timer)
    }
  }

  send(message: ParentMessage): void {
    // The callback takes the error of a channel that closed in between; 'exit' reports the loss.
    if (this.#child.connected) this.#child.send(message, () => {})
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  /** Closes the channel, at which the process ends by itself; after the timeout it is killed. */
  async stop(timeoutMs: number): Promise<void> {
    if (this.#child.connected) this.#child.disconnect()
    const timer = setTimeout(() => this.kill(), timeoutMs)
    await this.#exited.promise
    clearTimeout(timer)
  }

  #receive(message: ChildMessage): void {
    switch (message.kind) {
      case 'progress':
        this.#progressed = message.fraction
        return this.#hooks.onProgress(message.fraction)
      case 'ready':
        return this.#loading.resolve(message.model)
      case 'loadFailed':
        return void this.#onLoadFailed(message.reason)
      case 'alive':
        return this.#hooks.onAlive(message.deafSince)
      case 'step':
        return this.#hooks.onStep(message)
      case 'kvCache':
        return this.#hooks.onKvTokens(message)
      case 'embedded':
      case 'embedFailed':
        return this.#hooks.onEmbed(message)
    }
  }

  async #onLoadFailed(reason: string): Promise<void> {
    const words = await this.#tail.reason()
    const isSaid = words === null || reason.includes(reasonOf(words))
    this.#loading.reject(new Error(isSaid ? reason : `${reason}: ${reasonOf(words)}`))
  }

  async #onExit(code: number | null, signal: NodeJS.Signals | null): Promise<void> {
    const reason = await this.#tail.reason()
    const lastWords = reason === null ? null : reasonOf(reason)
    const how = signal === null ? `exit code ${code}` : `signal ${signal}`
    const died = `its process died (${how})${lastWords === null ? '' : `: ${lastWords}`}`
    this.#loading.reject(new Error(died))
    this.#exited.resolve()
    this.#hooks.onExit({ pid: this.pid, code, signal, lastWords })
  }
}

const CHILD = fileURLToPath(new URL('../child/child.ts', import.meta.url))
