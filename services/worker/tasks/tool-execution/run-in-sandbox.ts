/** One command in a sandbox, from its inputs to the files that it leaves, under its limits. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import type { Readable, Writable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { HaifError, toHaifError } from '#shared/errors.ts'
import { useOfTree } from './process-tree.ts'
import { FD, GO, READY, sandboxArguments, type Sandbox } from './sandbox.ts'
import { seccompFilter } from './seccomp.ts'
import { ByteQueue, pack, unpack, type PackedFile, type UnpackedFile } from './tar.ts'
import type { ToolLimits } from './tool-limits.ts'

interface ToolCommand {
  command: readonly string[]
  environment: Readonly<Record<string, string>>
  stdin: string
  /** In `in/` of the folder that the command runs in. */
  files: readonly PackedFile[]
  limits: ToolLimits
}

type OutputName = 'stdout' | 'stderr'

interface ToolHooks {
  signal: AbortSignal
  onOutput: (name: OutputName, text: string) => void
  /** Called with each file that the command left in `out/`, after the command has ended. */
  onFile: (file: UnpackedFile) => Promise<void>
}

export interface ToolOutcome {
  /** Above 128: ended by that signal. */
  exitCode: number
  stdout: string
  stderr: string
  wallMs: number
  cpuMs: number
  memoryBytesMax: number
}

/** How often the use of all processes together is looked at. */
const WATCH_MS = 50
const STATUS_CHARACTERS_MAX = 4096
/** Bubblewrap takes milliseconds. */
const SETUP_MS_MAX = 10_000
const END_MS_MAX = 2000

export async function runInSandbox(
  sandbox: Sandbox,
  command: ToolCommand,
  hooks: ToolHooks
): Promise<ToolOutcome> {
  hooks.signal.throwIfAborted()
  const run = new SandboxRun(sandbox, command, hooks)
  return run.outcome()
}

class SandboxRun {
  readonly #child: ChildProcess
  readonly #inputs: Buffer
  readonly #limits: ToolLimits
  readonly #hooks: ToolHooks
  readonly #startedAt = performance.now()
  readonly #output = { stdout: '', stderr: '' }
  #outputBytes = 0
  #cpuMs = 0
  #memoryBytesMax = 0
  #status = ''
  #isReady = false
  /** Why it was ended before its time. */
  #stopped: HaifError | null = null

  constructor(sandbox: Sandbox, command: ToolCommand, hooks: ToolHooks) {
    this.#limits = command.limits
    this.#hooks = hooks
    this.#inputs = pack(command.files)
    this.#child = spawn(
      sandbox.bwrap,
      sandboxArguments(sandbox, command.limits, command.command, command.environment),
      { stdio: Array.from({ length: 7 }, () => 'pipe'), env: {}, cwd: '/', ...sandbox.user }
    )
    this.#write(0, command.stdin)
    this.#write(FD.filter, seccompFilter(process.arch))
    this.#read('stdout')
    this.#read('stderr')
    const status = this.#pipe(FD.status) as Readable
    status.setEncoding('utf8').on('data', (text: string) => {
      this.#status = (this.#status + text).slice(0, STATUS_CHARACTERS_MAX)
    })
  }

  async outcome(): Promise<ToolOutcome> {
    const { wallMs } = this.#limits
    const closed = once(this.#child, 'close').catch((error: unknown) => {
      this.#stopped ??= new HaifError('SANDBOX_UNAVAILABLE', 'bubblewrap cannot be started', {
        cause: error
      })
    })
    const onAbort = () => this.#stop(toHaifError(this.#hooks.signal.reason))
    this.#hooks.signal.addEventListener('abort', onAbort, { once: true })
    const tooLong = () => this.#exceeded('time', `run for ${wallMs} ms`)
    const timer = setTimeout(tooLong, wallMs)
    const watch = setInterval(() => this.#watch(), WATCH_MS)
    try {
      await Promise.all([closed, this.#takeFiles()])
    } finally {
      clearTimeout(timer)
      clearInterval(watch)
      this.#hooks.signal.removeEventListener('abort', onAbort)
      this.#kill()
    }
    if (this.#stopped !== null) throw this.#stopped
    return { ...this.#output, ...this.#measured(), exitCode: this.#exitCode() }
  }

  async #takeFiles(): Promise<void> {
    try {
      const bytes = new ByteQueue(this.#pipe(FD.outArchive) as Readable)
      if ((await bytes.exactly(READY.length)) === null) return // it was never set up
      this.#isReady = true
      if (this.#stopped !== null) return this.#kill()
      this.#write(FD.inArchive, Buffer.concat([Buffer.from(GO), this.#inputs]))
      for await (const file of unpack(bytes)) await this.#hooks.onFile(file)
    } catch (error) {
      this.#stop(toHaifError(error)) // nothing changes where it was ended before
    }
  }

  #write(fd: number, bytes: string | Buffer): void {
    const pipe = this.#pipe(fd) as Writable
    pipe.on('error', () => {}) // whoever reads it may end before it has read all
    pipe.end(bytes)
  }

  #pipe(fd: number): Readable | Writable {
    return (this.#child.stdio as (Readable | Writable)[])[fd]!
  }

  #read(name: OutputName): void {
    const decoder = new StringDecoder('utf8')
    const take = (text: string) => {
      if (text === '' || this.#stopped !== null) return
      this.#output[name] += text
      this.#hooks.onOutput(name, text)
    }
    this.#child[name]!.on('data', (bytes: Buffer) => {
      const room = this.#limits.outputBytes - this.#outputBytes
      this.#outputBytes += bytes.length
      take(decoder.write(bytes.subarray(0, Math.max(0, room))))
      if (bytes.length > room) this.#exceeded('output', `write ${this.#limits.outputBytes} bytes`)
    }).on('end', () => take(decoder.end()))
  }

  #watch(): void {
    const { pid } = this.#child
    if (pid === undefined || this.#child.exitCode !== null) return
    const { cpuMs, memoryBytes, processes } = useOfTree(pid)
    this.#cpuMs = Math.max(this.#cpuMs, cpuMs)
    this.#memoryBytesMax = Math.max(this.#memoryBytesMax, memoryBytes)
    const limits = this.#limits
    if (cpuMs > limits.cpuMs) this.#exceeded('processor time', `compute for ${limits.cpuMs} ms`)
    else if (memoryBytes > limits.memoryBytes) {
      this.#exceeded('memory', `use ${limits.memoryBytes} bytes of memory`)
    } else if (processes > limits.processes + OWN_PROCESSES) {
      this.#exceeded('processes', `have ${limits.processes} processes`)
    }
  }

  #exceeded(limit: string, most: string): void {
    const message = `the tool was ended, as it may ${most} at most`
    this.#stop(new HaifError('TOOL_FAILED', message, { details: { limit } }))
  }

  #stop(reason: HaifError): void {
    this.#stopped ??= reason
    // Before that its processes are not bound to each other, and some would stay.
    if (this.#isReady) this.#kill()
    else setTimeout(() => this.#kill(), SETUP_MS_MAX).unref()
  }

  /** Without its first process none of a sandbox can live; bubblewrap then ends by itself. */
  #kill(): void {
    const { exitCode, signalCode } = this.#child
    if (exitCode !== null || signalCode !== null) return
    const first = /"child-pid": (\d+)/.exec(this.#status)?.[1]
    try {
      if (first !== undefined) process.kill(Number(first), 'SIGKILL')
    } catch {
      // it has ended
    }
    if (first === undefined) this.#child.kill('SIGKILL')
    else setTimeout(() => this.#child.kill('SIGKILL'), END_MS_MAX).unref()
  }

  #measured() {
    const wallMs = Math.round(performance.now() - this.#startedAt)
    return { wallMs, cpuMs: this.#cpuMs, memoryBytesMax: this.#memoryBytesMax }
  }

  #exitCode(): number {
    const code = this.#exitCodeNow()
    if (code !== null) return code
    // Nothing was run, so another worker may be tried.
    const why = this.#output.stderr.trim().slice(0, 512)
    throw new HaifError('SANDBOX_UNAVAILABLE', `bubblewrap did not start the tool: ${why}`)
  }

  /** Bubblewrap writes it last; without it the command did not end by itself. */
  #exitCodeNow(): number | null {
    const code = /"exit-code": (\d+)/.exec(this.#status)?.[1]
    return code === undefined ? null : Number(code)
  }
}

/** Bubblewrap twice, and the supervisor. */
const OWN_PROCESSES = 3
