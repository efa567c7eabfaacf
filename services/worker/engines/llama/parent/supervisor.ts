/**
 * Keeps one process with the model alive: starts it, restarts it after a death, with a growing
 * pause, and ends it; one that hangs is ended too. It knows nothing of requests.
 */
import assert from 'node:assert/strict'
import type {
  EmbedMessage,
  KvTokens,
  LoadOptions,
  ParentMessage,
  ReadyModel,
  StepMessage
} from '../messages.ts'
import { Heartbeat, type HangPolicy } from './heartbeat.ts'
import { ModelProcess, type LoadPatience, type ProcessExit } from './model-process.ts'
import { countDeath, restartDelayMs, type RestartPolicy } from './restart-delay.ts'

export type ProcessEvent =
  | { kind: 'loading'; pid: number }
  | { kind: 'progress'; fraction: number }
  | { kind: 'ready'; pid: number; model: ReadyModel; loadMs: number }
  | ({ kind: 'exited' } & ProcessExit)
  | { kind: 'hung'; reason: string }
  | { kind: 'restarting'; delayMs: number; deaths: number; reason: string }

interface SupervisorDeps {
  options: LoadOptions
  env: NodeJS.ProcessEnv
  restart: RestartPolicy
  hang: HangPolicy
  patience: LoadPatience
  /** Called before each restart; rejects when the file is no longer the same. */
  checkFile: () => Promise<void>
  onEvent: (event: ProcessEvent) => void
  onUp: (model: ReadyModel) => void
  onDown: (exit: ProcessExit) => void
  /** Called once when the process hangs; it may still come to itself. */
  onHung: (reason: string) => void
  /** Called when a restart has failed: nothing more is tried here. */
  onGivenUp: (error: unknown) => void
  onStep: (message: StepMessage) => void
  onKvTokens: (tokens: KvTokens) => void
  onEmbed: (message: EmbedMessage) => void
}

type SupervisorState =
  | { kind: 'idle' }
  | { kind: 'loading'; process: ModelProcess }
  | Up
  | { kind: 'down'; timer: NodeJS.Timeout; retryAt: number }
  | { kind: 'closed' }

interface Up {
  kind: 'up'
  process: ModelProcess
  since: number
  heart: Heartbeat
  beats: NodeJS.Timeout
  hangs: boolean
}

export class Supervisor {
  readonly #deps: SupervisorDeps
  #state: SupervisorState = { kind: 'idle' }
  #deaths = 0
  /** Since when it is not up, and why; null while it is. */
  #down: { since: number; because: string } | null = null

  constructor(deps: SupervisorDeps) {
    this.#deps = deps
  }

  get up(): boolean {
    return this.#is('up')
  }

  /** How long a model that was up has not been; 0 while it is. */
  get downMs(): number {
    return this.#down === null ? 0 : performance.now() - this.#down.since
  }

  get downBecause(): string {
    return this.#down?.because ?? ''
  }

  /** In what the process hangs, which is still there; null while it does not. */
  get hung(): string | null {
    return this.#state.kind === 'up' ? this.#state.heart.hung : null
  }

  /** The time until the next start; 0 when the process is up or loading. */
  get retryAfterMs(): number {
    return this.#state.kind === 'down' ? Math.max(0, this.#state.retryAt - performance.now()) : 0
  }

  /** The first start: its failure is the caller's to handle, and nothing is tried again. */
  async start(): Promise<ReadyModel> {
    assert(this.#is('idle'), 'the model is loaded already')
    try {
      return await this.#load()
    } catch (error) {
      if (!this.#is('closed')) this.#state = { kind: 'idle' }
      throw error
    }
  }

  send(message: ParentMessage): void {
    if (this.#state.kind === 'up') this.#state.process.send(message)
  }

  async close(timeoutMs: number): Promise<void> {
    const state = this.#state
    this.#state = { kind: 'closed' }
    if (state.kind === 'up') clearInterval(state.beats)
    if (state.kind === 'down') clearTimeout(state.timer)
    if (state.kind === 'loading' || state.kind === 'up') await state.process.stop(timeoutMs)
  }

  async #load(): Promise<ReadyModel> {
    const startedAt = performance.now()
    const { onEvent, onStep, onKvTokens, onEmbed, options, patience, hang, env } = this.#deps
    const process: ModelProcess = new ModelProcess(
      {
        onProgress: (fraction) => onEvent({ kind: 'progress', fraction }),
        onStep,
        onKvTokens,
        onEmbed,
        onAlive: (deafSince) => {
          if (this.#state.kind === 'up') this.#state.heart.answered(deafSince)
        },
        onExit: (exit) => this.#onExit(process, exit)
      },
      env
    )
    this.#state = { kind: 'loading', process }
    onEvent({ kind: 'loading', pid: process.pid })
    const model = await process.load(options, patience)
    const now = performance.now()
    const heart = new Heartbeat(hang, model.rates.prefill)
    const beats = setInterval(() => this.#beat(), hang.beatMs)
    this.#state = { kind: 'up', process, since: now, heart, beats, hangs: false }
    this.#down = null
    onEvent({ kind: 'ready', pid: process.pid, model, loadMs: Math.round(now - startedAt) })
    this.#deps.onUp(model)
    return model
  }

  #beat(): void {
    const state = this.#state
    if (state.kind !== 'up') return
    const { process, heart, hangs } = state
    heart.beat()
    const { hung } = heart
    state.hangs = hung !== null
    if (hung !== null && !hangs) {
      this.#deps.onEvent({ kind: 'hung', reason: hung })
      this.#deps.onHung(hung)
    }
    // Its exit is waited for: two processes may be too much for the memory of this machine.
    if (heart.isOver) process.kill()
    else process.send({ kind: 'ping' })
  }

  #onExit(process: ModelProcess, exit: ProcessExit): void {
    this.#deps.onEvent({ kind: 'exited', ...exit })
    // A process that dies while it loads makes that load reject; only one that was up is restarted.
    if (this.#state.kind !== 'up' || this.#state.process !== process) return
    const { heart, beats, since } = this.#state
    clearInterval(beats)
    const livedMs = performance.now() - since
    this.#deaths = countDeath(this.#deaths, livedMs, this.#deps.restart)
    const ended = `it ended by ${exit.signal ?? `code ${exit.code}`}`
    const said = exit.lastWords === null ? ended : `${ended}: ${exit.lastWords}`
    const reason = heart.isOver && heart.hung !== null ? `${heart.hung} and was killed` : said
    this.#down = { since: performance.now(), because: reason }
    this.#scheduleRestart(reason)
    this.#deps.onDown(exit)
  }

  #scheduleRestart(reason: string): void {
    const delayMs = restartDelayMs(this.#deaths, this.#deps.restart)
    const timer = setTimeout(() => void this.#restart(), delayMs)
    this.#state = { kind: 'down', timer, retryAt: performance.now() + delayMs }
    this.#deps.onEvent({ kind: 'restarting', delayMs, deaths: this.#deaths, reason })
  }

  async #restart(): Promise<void> {
    try {
      await this.#deps.checkFile()
      if (this.#is('down')) await this.#load()
    } catch (error) {
      if (!this.#is('closed')) this.#deps.onGivenUp(error)
    }
  }

  /** A call, because the state may change during an await, which type narrowing does not see. */
  #is(kind: SupervisorState['kind']): boolean {
    return this.#state.kind === kind
  }
}
