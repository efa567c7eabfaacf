/**
 * A service as it is deployed: `haif service <name>` in a process of its own, told by its
 * environment.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { assertNoForbiddenWords, isForbidden } from '../forbidden-words.ts'

const MAIN = fileURLToPath(new URL('../../../cli/main.mjs', import.meta.url))
/** Linux counts the CPU time of a process in these. */
const TICKS_PER_SECOND = 100
const LINES_MAX = 200

/** Whoever started them may end without having ended them. */
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

interface LogLine {
  msg?: string
  peer?: string
  url?: string
  port?: number
}

export class ServiceProcess {
  readonly child: ChildProcess
  /** What it has written last, for when something goes wrong. */
  readonly lines: string[] = [] // at most LINES_MAX
  readonly exited: Promise<unknown>
  /** What it said when it was up. */
  readonly up: Promise<{ peer: string; url: string }>
  /** Where it serves its metrics; said at LOG_LEVEL=debug. */
  metricsPort: number | undefined
  readonly #home: string
  #keepHome = false
  /** What nobody may read, whatever the test does to it. */
  readonly #forbidden: string[] = [] // at most LINES_MAX

  constructor(args: readonly string[], env: Record<string, string>) {
    const { HAIF_HOME: home } = env
    this.#home = home ?? mkdtempSync(join(tmpdir(), 'haif-'))
    this.#keepHome = home !== undefined
    this.child = spawn(process.execPath, args, {
      env: { PATH: process.env['PATH'], LOG_LEVEL: 'info', HAIF_HOME: this.#home, ...env },
      stdio: ['ignore', 'pipe', 'pipe']
    })
    running.add(this.child)
    this.exited = once(this.child, 'exit').finally(() => running.delete(this.child))
    const { promise: up, resolve, reject } = Promise.withResolvers<{ peer: string; url: string }>()
    this.up = up
    up.catch(() => {}) // it may be killed on purpose before it is up
    for (const output of [this.child.stdout!, this.child.stderr!]) {
      createInterface({ input: output }).on('line', (line) => this.#read(line, resolve))
    }
    void this.exited.then(() => reject(new Error(`${args.join(' ')} ended: ${this.said}`)))
  }

  get said(): string {
    return this.lines.join('\n')
  }

  get pid(): number {
    return this.child.pid!
  }

  /** Seconds of CPU that it has used until now, in user and kernel mode. */
  get cpuSeconds(): number {
    return cpuSecondsOf(this.pid)
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }

  /** At once, whatever state it is in. */
  async end(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill('SIGKILL')
      await this.exited
    }
    if (!this.#keepHome) rmSync(this.#home, { recursive: true, force: true })
    assertNoForbiddenWords(this.#forbidden)
  }

  #read(line: string, onUp: (said: { peer: string; url: string }) => void): void {
    this.lines.push(line)
    if (this.lines.length > LINES_MAX) this.lines.shift()
    const isSeen = !/^{"level":"(debug|info)"/.test(line)
    if (isSeen && this.#forbidden.length < LINES_MAX && isForbidden(line)) {
      this.#forbidden.push(line)
    }
    const url = /^ready (http:\S+)/.exec(line)?.[1]
    if (url !== undefined) onUp({ peer: '', url })
    if (!line.startsWith('{')) return
    const { msg = '', peer = '', url: logged = '', port } = JSON.parse(line) as LogLine
    if (msg === 'metrics are served') this.metricsPort = port
    if (msg.endsWith(' is up')) onUp({ peer, url: logged })
  }
}

export function startService(name: string, env: Record<string, string>): ServiceProcess {
  return new ServiceProcess([MAIN, 'service', name], env)
}

/** The whole mesh in one process. */
export function startUp(args: readonly string[], env: Record<string, string> = {}): ServiceProcess {
  return new ServiceProcess([MAIN, 'up', '--port', '0', ...args], { ...env, LOG_LEVEL: 'warn' })
}

/** Of a process and, when it waits for them, of its ended children. */
function cpuSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}
