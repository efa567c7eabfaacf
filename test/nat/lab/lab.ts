/**
 * An internet of network namespaces on this machine, with peers behind NATs in it. It needs no
 * root where the system lets users have namespaces. Nothing leaves it, and it ends with its
 * process.
 */
import { spawn, spawnSync, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import process from 'node:process'
import type { Address } from '#shared/mesh/discovery/mesh-address.ts'
import { patience } from '../../helpers/deadline.ts'
import { Command, HAIF } from './command.ts'
import {
  DHT_HOSTS,
  INTERNET,
  internet,
  letUdpThrough,
  lineEnds,
  move,
  publicAddress,
  readdress,
  renumber,
  site,
  throughLine,
  type Site,
  type SiteKind
} from './sites.ts'

const DHT_PORT = 49_737
/** As the command does: else a laboratory computes most for the start of its programs. */
const BUNDLES = new URL('../../../cli/setup/use-bundles.mjs', import.meta.url).href
const COMPILED = fileURLToPath(new URL('../../../node_modules/.cache/haif', import.meta.url))
const HOLD = 'mount -t tmpfs tmpfs /run && mkdir /run/netns && echo up && exec cat'

/** Why no laboratory can be had here, or null. */
export function noLab(): string | null {
  if (process.platform !== 'linux') return 'network namespaces are of Linux only'
  for (const command of ['ip', 'nft', 'nsenter', 'unshare']) {
    if (spawnSync(command, ['--version']).error !== undefined) return `no ${command} here`
  }
  const tried = spawnSync('unshare', ['-Urnm', 'mount', '-t', 'tmpfs', 'tmpfs', '/run'])
  return tried.status === 0 ? null : 'this system lets nobody have namespaces of their own'
}

/** Why no line can have a delay here, or null. */
export function noSlowLine(): string | null {
  if (spawnSync('python3', ['--version']).error !== undefined) return 'no python3 here'
  try {
    closeSync(openSync('/dev/net/tun', 'r+'))
    return null
  } catch {
    return '/dev/net/tun cannot be opened here'
  }
}

/** Of a line, each way. */
interface Line {
  delayMs: number
  lossPercent: number
}

export class Lab implements AsyncDisposable {
  /** DHT nodes to begin with. */
  readonly bootstrap: Address[] = DHT_HOSTS.map((host) => ({ host, port: DHT_PORT }))
  readonly #holder: ChildProcess
  readonly #sites = new Map<string, Site>()
  readonly #programs = new Set<ChildProcess>()
  #dht: ChildProcess | null = null
  /** Of commands; made with the first one. */
  #homes: string | null = null
  #hosts = 200

  private constructor(holder: ChildProcess) {
    this.#holder = holder
  }

  static async start(kinds: Record<string, SiteKind>): Promise<Lab> {
    const holder = spawn('unshare', ['-Urnm', 'bash', '-c', HOLD], {
      stdio: ['pipe', 'pipe', 'inherit'] // it ends when nobody holds its input any more
    })
    await once(holder.stdout, 'data')
    const lab = new Lab(holder)
    let number = 0
    for (const [name, kind] of Object.entries(kinds)) {
      lab.#sites.set(name, { name, kind, number: ++number })
    }
    lab.#run([internet(), ...[...lab.#sites.values()].map(site)].join('\n'))
    await lab.startDht()
    return lab
  }

  async startDht(): Promise<void> {
    this.#dht = this.#spawn(INTERNET, 'dht-nodes.ts', [String(DHT_PORT), ...DHT_HOSTS])
    await untilSaid(this.#dht)
  }

  /** All its nodes at once, without a farewell. */
  async killDht(): Promise<void> {
    await end(this.#dht!)
  }

  /** A program of this folder on the machine of a site, which is given the options. */
  program(siteName: string, file: string, options: object): Program {
    return new Program(this.#spawn(`${siteName}-1`, file, [JSON.stringify(options)]))
  }

  /** The public address of a site's router, or of a machine without one. */
  addressOf(siteName: string): string {
    return publicAddress(this.#site(siteName))
  }

  /** `haif` on the machine of a site, with a home that is the site's own unless `env` has one. */
  haif(siteName: string, args: readonly string[], env: Record<string, string> = {}): Command {
    this.#homes ??= mkdtempSync(join(tmpdir(), 'haif-lab-'))
    const own = { PATH: process.env['PATH'], HAIF_HOME: join(this.#homes, siteName) }
    const stdio = ['ignore', 'pipe', 'pipe'] as const
    const options = { stdio: [...stdio], env: { ...own, ...env } }
    return new Command(this.#start(`${siteName}-1`, [HAIF, ...args], options))
  }

  /** The router of a site gets another public address. */
  readdress(siteName: string): void {
    this.#run(readdress(this.#site(siteName), ++this.#hosts))
  }

  /** The machine of a site changes its network. */
  move(siteName: string, to: string): void {
    this.#run(move(this.#site(siteName), this.#site(to)))
  }

  /** The machine of a site gets another address in its local network. */
  renumber(siteName: string): void {
    this.#run(renumber(this.#site(siteName), ++this.#hosts))
  }

  letUdpThrough(siteName: string): void {
    this.#run(letUdpThrough(this.#site(siteName)))
  }

  /** The site is far away from all others, and its line is not a good one. */
  async slowDown(siteName: string, { delayMs, lossPercent }: Line): Promise<void> {
    const it = this.#site(siteName)
    const script = fileURLToPath(new URL('line.py', import.meta.url))
    const args = [script, ...lineEnds(it), String(delayMs), String(lossPercent)]
    const line = this.#start(INTERNET, args, { stdio: ['ignore', 'pipe', 'inherit'] }, 'python3')
    await once(line.stdout!, 'data')
    this.#run(throughLine(it))
  }

  /** Bytes that the machine of a site has sent and received so far. */
  bytes(siteName: string): number {
    const lines = this.#run(`nsenter --net=/run/netns/${siteName}-1 cat /proc/self/net/dev`)
    const fields = /eth0:\s*(.*)/.exec(lines)![1]!.trim().split(/\s+/)
    return Number(fields[0]) + Number(fields[8])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#programs].map((program) => end(program)))
    await end(this.#holder)
    if (this.#homes !== null) rmSync(this.#homes, { recursive: true, force: true })
  }

  #site(name: string): Site {
    return this.#sites.get(name)!
  }

  #run(script: string): string {
    const [command, ...args] = this.#enter(['bash', '-e'])
    const { status, stdout, stderr } = spawnSync(command!, args, { input: script })
    if (status !== 0) throw new Error(`in the laboratory: ${stderr.toString()}`)
    return stdout.toString()
  }

  #spawn(ns: string, file: string, args: string[]): ChildProcess {
    const script = fileURLToPath(new URL(file, import.meta.url))
    return this.#start(ns, ['--import', BUNDLES, script, ...args], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, NODE_COMPILE_CACHE: COMPILED }
    })
  }

  #start(
    ns: string,
    args: string[],
    options: SpawnOptions,
    runner = process.execPath
  ): ChildProcess {
    const inside = ['nsenter', `--net=/run/netns/${ns}`, runner, ...args]
    const [command, ...rest] = this.#enter(inside)
    const program = spawn(command!, rest, options)
    this.#programs.add(program)
    program.once('exit', () => this.#programs.delete(program))
    return program
  }

  #enter(command: string[]): string[] {
    const into = ['--target', String(this.#holder.pid), '--user', '--mount', '--net']
    return ['nsenter', ...into, '--preserve-credentials', ...command]
  }
}

/** The next message of a program; rejects when it ends instead. */
async function untilSaid<Message>(program: ChildProcess): Promise<Message> {
  const { promise, resolve, reject } = Promise.withResolvers<Message>()
  const onExit = () => reject(new Error('a program of the laboratory has ended'))
  program.once('message', (message) => resolve(message as Message))
  program.once('exit', onExit)
  try {
    return await promise
  } finally {
    program.off('exit', onExit)
  }
}

async function end(program: ChildProcess): Promise<void> {
  if (program.exitCode !== null || program.signalCode !== null) return
  const exit = once(program, 'exit')
  program.kill('SIGKILL')
  await exit
}

interface Said<Answer> {
  id: number
  answer?: Answer
  error?: string
}

/** A program that is asked in vain fails its test. */
const ANSWER_MS_MAX = 60_000

/** A process in the laboratory, which answers one question after the other. */
export class Program {
  readonly #child: ChildProcess
  #asked = 0

  constructor(child: ChildProcess) {
    this.#child = child
  }

  get pid(): number {
    return this.#child.pid!
  }

  async ask<Answer>(question: string, value: unknown = null): Promise<Answer> {
    const id = ++this.#asked
    this.#child.send({ id, question, value })
    for (;;) {
      const message = await this.#nextWithin<Answer>(question)
      if (message.id !== id) continue
      if (message.error !== undefined) throw new Error(message.error)
      return message.answer as Answer
    }
  }

  async #nextWithin<Answer>(question: string): Promise<Said<Answer>> {
    const { promise: late, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(
      () => reject(new Error(`a program of the laboratory has not answered "${question}"`)),
      patience(ANSWER_MS_MAX)
    )
    try {
      return await Promise.race([untilSaid<Said<Answer>>(this.#child), late])
    } finally {
      clearTimeout(timer)
    }
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  kill(): Promise<void> {
    return end(this.#child)
  }
}
