/**
 * A process in a sandbox that runs a function, once or several times one after the other. Each run
 * is under its own limits; what breaks one of them ends the process.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { constants } from 'node:os'
import process from 'node:process'
import type { Readable, Writable } from 'node:stream'
import { HaifError, toHaifError } from '#shared/errors.ts'
import { within } from '#shared/kit/within.ts'
import { useOfTree } from '../tool-execution/process-tree.ts'
import {
  FILES_OPEN_MAX,
  jailArguments,
  resourceLimits,
  type Sandbox
} from '../tool-execution/sandbox.ts'
import { seccompFilter } from '../tool-execution/seccomp.ts'
import type { ToolLimits } from '../tool-execution/tool-limits.ts'
import { CapturedOutput } from './captured-output.ts'
import { readFrames, requestBytes } from './frames.ts'
import { formsOf } from './redactor.ts'

/** What is in the sandbox, and what runs there. */
export interface Launch {
  command: readonly string[]
  environment: Readonly<Record<string, string>>
  /** Its runtime reserves far more memory than it uses, so only what it uses is looked at. */
  reserves?: boolean
  /** Folders and files of this machine, read-only, and where they are inside. */
  mounts: readonly { from: string; to: string }[]
  /** Files that are only inside, read-only. */
  files: readonly { path: string; bytes: Buffer }[]
}

/** What goes in. */
interface FunctionInput {
  arguments: object
  /** Files that are there while it runs. */
  secrets?: Readonly<Record<string, string>>
}

interface FunctionHooks {
  signal: AbortSignal
  onText: (text: string) => void
  /** Called with each file that the function left in `out/`; it reads all of it. */
  onFile: (name: string, body: AsyncIterable<Buffer>) => Promise<void>
  /** Called with a call of another function, as JSON; returns the reply. */
  onCall: (wish: Buffer) => Promise<object>
}

interface FunctionOutcome {
  /** JSON. */
  value: Buffer
  stdout: string
  stderr: string
  wallMs: number
  cpuMs: number
  memoryBytesMax: number
}

const FD = { requests: 3, frames: 4, status: 5, filter: 6, firstFile: 7 } as const
const WATCH_MS = 50
const STATUS_CHARACTERS_MAX = 4096
const SETUP_MS_MAX = 20_000
const END_MS_MAX = 2000
/** Of the output of a run after its result: it is in the pipes already. */
const OUTPUT_MS_MAX = 1000
const MARK_BYTES = 16
/** The code of a process that was ended by SIGKILL; bubblewrap itself has none to say then. */
const KILLED = 128 + constants.signals.SIGKILL
/** Of the JSON that a function returns. */
export const VALUE_BYTES_MAX = 64 << 20
/** Bubblewrap twice, and the harness. */
const OWN_PROCESSES = 3

export class FunctionProcess {
  readonly #child: ChildProcess
  readonly #limits: ToolLimits
  readonly #closed: Promise<unknown>
  readonly #frames: ReturnType<typeof readFrames>
  #output: CapturedOutput | null = null
  #status = ''
  #isReady = false
  #isEnded = false
  #stopped: HaifError | null = null
  /** What it said before its first run. */
  #lastWords = ''
  #onStopped: (error: HaifError) => void = () => {}

  constructor(sandbox: Sandbox, launch: Launch, limits: ToolLimits) {
    this.#limits = limits
    const stdio = Array.from({ length: FD.firstFile + launch.files.length }, (_, fd) =>
      fd === 0 ? 'ignore' : 'pipe'
    )
    const options = { stdio, env: {}, cwd: '/', ...sandbox.user }
    this.#child = spawn(sandbox.bwrap, sandboxArguments(sandbox, launch, limits), options)
    this.#closed = once(this.#child, 'close').catch(() => {}) // a spawn that fails has no frames
    this.#child.once('close', () => (this.#isEnded = true)).on('error', () => {})
    this.#write(FD.filter, seccompFilter(process.arch))
    for (const [at, { bytes }] of launch.files.entries()) this.#write(FD.firstFile + at, bytes)
    this.#readAll()
    this.#frames = readFrames(this.#pipe(FD.frames) as Readable)
    this.#pipe(FD.requests).on('error', () => {}) // it may have ended
  }

  get isAlive(): boolean {
    return !this.#isEnded && this.#stopped === null
  }

  /** Throws FUNCTION_FAILED, and SANDBOX_UNAVAILABLE where nothing was run. */
  async run(input: FunctionInput, hooks: FunctionHooks): Promise<FunctionOutcome> {
    hooks.signal.throwIfAborted()
    const onAbort = () => this.#stop(toHaifError(hooks.signal.reason))
    hooks.signal.addEventListener('abort', onAbort, { once: true })
    const stopped = Promise.withResolvers<never>()
    stopped.promise.catch(() => {}) // it may be over before
    this.#onStopped = stopped.reject
    try {
      await Promise.race([this.#ready(), stopped.promise])
      return await Promise.race([this.#exchange(input, hooks), stopped.promise])
    } catch (error) {
      const why = this.#stopped ?? error
      this.kill()
      await this.#closed
      throw why
    } finally {
      hooks.signal.removeEventListener('abort', onAbort)
      this.#onStopped = () => {}
      this.#output = null
    }
  }

  /** Without its first process none of a sandbox can live; bubblewrap then ends by itself. */
  kill(): void {
    this.#stopped ??= new HaifError('CANCELLED', 'the process is needed no more')
    if (this.#isEnded) return
    this.#pipe(FD.requests).destroy()
    this.#pipe(FD.frames).destroy() // what is in it is read by nobody, and keeps it open
    const first = /"child-pid": (\d+)/.exec(this.#status)?.[1]
    try {
      if (first !== undefined) process.kill(Number(first), 'SIGKILL')
    } catch {
      // it has ended
    }
    if (first === undefined) this.#child.kill('SIGKILL')
    else setTimeout(() => this.#child.kill('SIGKILL'), END_MS_MAX).unref()
  }

  /** False: children of a run are still there, and the process must not serve another. */
  isQuiet(): boolean {
    const { pid } = this.#child
    return pid !== undefined && useOfTree(pid).processes <= OWN_PROCESSES
  }

  async ended(): Promise<void> {
    await this.#closed
  }

  async #ready(): Promise<void> {
    if (this.#isReady) return
    const late = new HaifError('SANDBOX_UNAVAILABLE', 'the sandbox did not start in time')
    const timer = setTimeout(() => this.#stop(late), SETUP_MS_MAX)
    const first = await this.#frames.next().finally(() => clearTimeout(timer))
    if (first.done === true || first.value.kind !== 'y') throw await this.#notStarted()
    this.#isReady = true
  }

  async #notStarted(): Promise<HaifError> {
    await this.#closed
    const why = this.#lastWords.trim().slice(0, 512)
    return new HaifError('SANDBOX_UNAVAILABLE', `the function could not be started: ${why}`)
  }

  async #exchange(input: FunctionInput, hooks: FunctionHooks): Promise<FunctionOutcome> {
    const limits = this.#limits
    const mark = `\u0000${randomBytes(MARK_BYTES).toString('hex')}\n`
    const output = new CapturedOutput({
      bytesMax: limits.outputBytes,
      mark,
      onText: hooks.onText,
      forms: formsOf(Object.values(input.secrets ?? {})),
      onTooMuch: () => this.#exceeded('output', `write ${limits.outputBytes} bytes`)
    })
    this.#output = output
    const watch = new Watch(this.#child.pid!, limits, (limit, most) => this.#exceeded(limit, most))
    try {
      this.#send({ ...input, mark })
      const value = await this.#result(hooks)
      await within(OUTPUT_MS_MAX, output.over)
      return { value, ...output.texts, ...watch.measured() }
    } finally {
      watch.stop()
    }
  }

  async #result(hooks: FunctionHooks): Promise<Buffer> {
    const value: Buffer[] = []
    let bytes = 0
    let failure: HaifError | null = null
    for (let next = await this.#frames.next(); ; next = await this.#frames.next()) {
      // A frame that begins the next file, or whatever else comes, ends the file before it.
      while (next.done !== true && next.value.kind === 'f') {
        next = await this.#file(next.value.bytes.toString('utf8'), hooks)
      }
      if (next.done === true) throw await this.#endedEarly()
      const { kind, bytes: part } = next.value
      if (kind === 'x') failure = failureOf(part)
      if (kind === 'v') {
        bytes += part.length
        if (bytes > VALUE_BYTES_MAX) this.#exceeded('result', `return ${VALUE_BYTES_MAX} bytes`)
        value.push(part)
      }
      if (kind === 'c') this.#send(await hooks.onCall(part))
      if (kind !== 'z') continue
      if (failure !== null) throw failure
      return Buffer.concat(value)
    }
  }

  async #file(name: string, { onFile }: FunctionHooks) {
    const frames = this.#frames
    let next = await frames.next()
    async function* body(): AsyncGenerator<Buffer> {
      for (; next.done !== true && next.value.kind === 'd'; next = await frames.next()) {
        yield next.value.bytes
      }
    }
    await onFile(name, body())
    return next
  }

  async #endedEarly(): Promise<HaifError> {
    await this.#closed
    const code = Number(/"exit-code": (\d+)/.exec(this.#status)?.[1] ?? KILLED)
    // Whatever breaks a limit was told of before: so it was somebody else, or the kernel.
    if (code === KILLED) {
      const message =
        'the process of the function was killed: perhaps the machine had no memory left'
      return new HaifError('WORKER_LOST', message)
    }
    const signal = Object.entries(constants.signals).find(([, each]) => each === code - 128)?.[0]
    const how = signal === undefined ? `with exit code ${code}` : `by ${signal}`
    return new HaifError('FUNCTION_FAILED', `the process of the function was ended ${how}`, {
      details: { kind: 'ended', exitCode: code }
    })
  }

  #send(request: object): void {
    ;(this.#pipe(FD.requests) as Writable).write(requestBytes(request))
  }

  #exceeded(limit: string, most: string): void {
    const message = `the function was ended, as it may ${most} at most`
    this.#stop(new HaifError('FUNCTION_FAILED', message, { details: { limit } }))
  }

  #stop(reason: HaifError): void {
    this.#stopped ??= reason
    this.kill()
    this.#onStopped(this.#stopped)
  }

  #write(fd: number, bytes: Buffer): void {
    const pipe = this.#pipe(fd) as Writable
    pipe.on('error', () => {}) // bubblewrap may end before it has read all
    pipe.end(bytes)
  }

  #pipe(fd: number): Readable | Writable {
    return (this.#child.stdio as (Readable | Writable)[])[fd]!
  }

  #readAll(): void {
    for (const name of ['stdout', 'stderr'] as const) {
      this.#child[name]!.on('data', (bytes: Buffer) => {
        if (this.#output === null) {
          this.#lastWords = (this.#lastWords + bytes.toString()).slice(-STATUS_CHARACTERS_MAX)
        } else this.#output.take(name, bytes)
      }).on('end', () => this.#output?.end(name))
    }
    const status = this.#pipe(FD.status) as Readable
    status.setEncoding('utf8').on('data', (text: string) => {
      this.#status = (this.#status + text).slice(0, STATUS_CHARACTERS_MAX)
    })
  }
}

function sandboxArguments(sandbox: Sandbox, launch: Launch, limits: ToolLimits): string[] {
  const { mounts, files, environment, command, reserves = false } = launch
  const inside = [
    ...mounts.flatMap(({ from, to }) => ['--ro-bind', from, to]),
    ...files.flatMap(({ path }, at) => [
      '--perms',
      '0444',
      '--file',
      String(FD.firstFile + at),
      path
    ])
  ]
  // The processor time of a process that serves several runs has no end; each run is watched.
  const bounds = resourceLimits(limits).filter(
    (each) => !each.startsWith('--cpu=') && !(reserves && each.startsWith('--data='))
  )
  const kept = ['--seccomp', String(FD.filter), '--json-status-fd', String(FD.status), '--']
  const limited = ['prlimit', ...bounds, '--core=0', `--nofile=${FILES_OPEN_MAX}`, '--']
  return [...jailArguments(sandbox, limits, environment, inside), ...kept, ...limited, ...command]
}

/** Time, processor time, memory and processes of one run. */
class Watch {
  readonly #startedAt = performance.now()
  readonly #timers: NodeJS.Timeout[]
  readonly #pid: number
  readonly #cpuMsBefore: number
  #cpuMs = 0
  #memoryBytesMax = 0

  constructor(pid: number, limits: ToolLimits, exceeded: (limit: string, most: string) => void) {
    this.#pid = pid
    this.#cpuMsBefore = useOfTree(pid).cpuMs
    const { wallMs } = limits
    this.#timers = [
      setTimeout(() => exceeded('time', `run for ${wallMs} ms`), wallMs),
      setInterval(() => this.#look(limits, exceeded), WATCH_MS)
    ]
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer)
  }

  measured() {
    this.#measure()
    const wallMs = Math.round(performance.now() - this.#startedAt)
    return { wallMs, cpuMs: this.#cpuMs, memoryBytesMax: this.#memoryBytesMax }
  }

  #measure(): number {
    const { cpuMs, memoryBytes, processes } = useOfTree(this.#pid)
    this.#cpuMs = Math.max(this.#cpuMs, cpuMs - this.#cpuMsBefore)
    this.#memoryBytesMax = Math.max(this.#memoryBytesMax, memoryBytes)
    return processes
  }

  #look(limits: ToolLimits, exceeded: (limit: string, most: string) => void): void {
    const processes = this.#measure()
    if (this.#cpuMs > limits.cpuMs) exceeded('processor time', `compute for ${limits.cpuMs} ms`)
    else if (this.#memoryBytesMax > limits.memoryBytes) {
      exceeded('memory', `use ${limits.memoryBytes} bytes of memory`)
    } else if (processes > limits.processes + OWN_PROCESSES) {
      exceeded('processes', `have ${limits.processes} processes`)
    }
  }
}

function failureOf(part: Buffer): HaifError {
  let said: { kind?: unknown; type?: unknown; message?: unknown } = {}
  try {
    said = JSON.parse(part.toString('utf8')) as object
  } catch {
    // Whatever the function wrote there says nothing.
  }
  const { kind = 'raised', type = 'Error', message = '' } = said
  const words = {
    exited: `the function ended its process (${String(message)})`,
    not_json: `the function returned what is no JSON: ${String(message)}`
  }
  const text = words[kind as keyof typeof words] ?? `${String(type)}: ${String(message)}`
  return new HaifError('FUNCTION_FAILED', text.slice(0, 1500), {
    details: { kind: String(kind), exception: String(type) }
  })
}
