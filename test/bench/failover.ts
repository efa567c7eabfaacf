/** What clients notice while workers are killed with -9 at random under load: nothing. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { expectedText } from '../helpers/checker.ts'
import { Deployment } from '../helpers/mesh/deployment.ts'
import { seededRandom, type Random } from '../helpers/random.ts'
import type { ServiceProcess } from '../helpers/mesh/service-process.ts'
import { answerOf, keepBusy, LoadClient, type Streamed } from './load.ts'
import { percentile } from './percentiles.ts'
import { fixed, type BenchOptions, type Report } from './report.ts'

const WORKERS = 5
const STREAMS = 64
const MODEL = 'sim?slots=64&kv=inf&decode=50&prefill=inf'
/** An answer takes 2 to 6 s, so most of them meet a kill. */
const TOKENS = { from: 100, to: 300 }
const KILL_AFTER_MS = { from: 500, to: 3000 }
const DOWN_MS = { from: 0, to: 2000 }
const SILENCE_MS_MAX = 4000

export async function benchFailover({ quick }: BenchOptions): Promise<Report> {
  const seconds = quick ? 15 : 60
  const random = seededRandom()
  process.stderr.write(`seed ${random.seed}\n`)
  // As between machines: within one, the end of a process is seen at once.
  await using deployment = await Deployment.start([], { HAIF_LOCAL_SOCKETS: 'off' })
  using herd = new Herd(deployment, random)
  await deployment.ready()
  using client = new LoadClient(deployment.url, STREAMS)
  const found: Judged[] = []
  herd.disturb()
  await keepBusy(STREAMS, seconds, async (index) => {
    const wanted = random.between(TOKENS.from, TOKENS.to)
    const prompt = `failover ${index}`
    const streamed = await client.stream({ prompt, mode: 'direct', max_tokens: wanted })
    found.push(judge(streamed, expectedText(prompt, wanted)))
  })
  await herd.rest()
  return reportOf(found, herd.kills, seconds)
}

/** Worker processes that are killed and come back as the same peers. */
class Herd implements Disposable {
  kills = 0
  readonly #deployment: Deployment
  readonly #random: Random
  readonly #homes: string[]
  readonly #workers: ServiceProcess[]
  #disturbing: Promise<void> = Promise.resolve()
  #over = false

  constructor(deployment: Deployment, random: Random) {
    this.#deployment = deployment
    this.#random = random
    this.#homes = Array.from({ length: WORKERS }, () => mkdtempSync(join(tmpdir(), 'haif-')))
    this.#workers = this.#homes.map((home) => this.#start(home))
  }

  disturb(): void {
    this.#disturbing = this.#disturb()
  }

  async rest(): Promise<void> {
    this.#over = true
    await this.#disturbing
  }

  [Symbol.dispose](): void {
    this.#over = true
    for (const worker of this.#workers) worker.kill('SIGKILL')
    for (const home of this.#homes) rmSync(home, { recursive: true, force: true })
  }

  async #disturb(): Promise<void> {
    const { between } = this.#random
    while (!this.#over) {
      await sleep(between(KILL_AFTER_MS.from, KILL_AFTER_MS.to))
      const victim = between(0, WORKERS)
      this.#workers[victim]!.kill('SIGKILL')
      await this.#workers[victim]!.exited
      this.kills++
      await sleep(between(DOWN_MS.from, DOWN_MS.to))
      this.#workers[victim] = this.#start(this.#homes[victim]!)
    }
  }

  #start(home: string): ServiceProcess {
    return this.#deployment.addWorker(MODEL, { HAIF_HOME: home })
  }
}

interface Judged extends Streamed {
  lost: boolean
  wrong: boolean
  attempts: number
}

function judge(streamed: Streamed, expected: string): Judged {
  const lost = !streamed.text.includes('event: done')
  const attempts = Number(/"attempts":(\d+)/.exec(streamed.text)?.[1] ?? 0)
  if (lost) process.stderr.write(`lost: ${streamed.text.slice(-300)}\n`)
  const answer = answerOf(streamed)
  const wrong = lost ? !expected.startsWith(answer) : answer !== expected
  return { ...streamed, lost, wrong, attempts }
}

function reportOf(found: Judged[], kills: number, seconds: number): Report {
  const lost = found.filter((each) => each.lost).length
  const wrong = found.filter((each) => each.wrong).length
  const moved = found.filter((each) => each.attempts > 1)
  const silences = found.map(({ silenceMs }) => silenceMs)
  const longest = Math.max(...silences)
  const firstTokens = found.map(({ firstTokenMs }) => firstTokenMs)
  return {
    title: 'Failover',
    how: `${seconds} s, ${STREAMS} streams at a time, ${WORKERS} simulated workers in processes of their own; one at a time is killed with -9 and started again as the same peer. Connections are by UDP, as between machines. Every text is compared with what it must be.`,
    columns: [
      'kills',
      'requests',
      'served by more than one',
      'lost',
      'with tokens lost or doubled',
      'longest silence ms',
      'silence p99',
      'first token p99 ms'
    ],
    rows: [
      [
        String(kills),
        String(found.length),
        String(moved.length),
        String(lost),
        String(wrong),
        fixed(longest, 0),
        fixed(percentile(silences, 0.99), 0),
        fixed(percentile(firstTokens, 0.99), 0)
      ]
    ],
    bars: [
      { figure: 'requests lost', bar: '0', measured: String(lost), holds: lost === 0 },
      {
        figure: 'answers with tokens lost or doubled',
        bar: '0',
        measured: String(wrong),
        holds: wrong === 0
      },
      {
        figure: 'longest silence in a stream',
        bar: `≤ ${SILENCE_MS_MAX} ms`,
        measured: `${fixed(longest, 0)} ms`,
        holds: longest <= SILENCE_MS_MAX
      }
    ]
  }
}
