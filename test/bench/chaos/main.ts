/**
 * `npm run bench:chaos [-- --minutes=10] [--seed=N] [--clients=8] [--only=clock]`: faults under
 * load, one after the other in a random order, and a history that says whether anything was lost,
 * doubled, wrong or let in. Every warning is written to stderr at the end. A run of three minutes
 * or more writes its table into docs/benchmarks.md.
 */
import { readFileSync } from 'node:fs'
import process from 'node:process'
import type { TestContext } from 'node:test'
import { inspect, parseArgs } from 'node:util'
import { setTimeout as sleep } from 'node:timers/promises'
import { silentLogger } from '#shared/process/log.ts'
import { PostgresStore } from '#shared/store/postgres-store.ts'
import { isForbidden } from '../../helpers/forbidden-words.ts'
import { seededRandom, type Random } from '../../helpers/random.ts'
import { until } from '../../helpers/until.ts'
import { toMarkdown, writePart, type Bar } from '../report.ts'
import { contained } from '../contained.ts'
import { inScope } from '../scope.ts'
import { startChaosMesh, type ChaosMesh } from './chaos-mesh.ts'
import { FAULTS } from './faults.ts'
import { History } from './history.ts'
import { JobHistory } from './job-history.ts'

const MINUTE_MS = 60_000
const FULL_MINUTES = 10
/** Figures of shorter runs are only printed. */
const WRITTEN_MINUTES_MIN = 3
/** How long a fault lasts, and how long the mesh has before the next one. */
const FAULT_MS = { from: 1500, to: 4500 }
const REST_MS = { from: 500, to: 2500 }
const MEMORY_DRIFT_MAX = 0.1
/** Of a mesh that is whole again. */
const SETTLED_MS_MAX = 90_000

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: String(FULL_MINUTES) },
    seed: { type: 'string' },
    clients: { type: 'string', default: '8' },
    only: { type: 'string', default: '' }
  }
})

async function chaos(t: TestContext, ms: number, random: Random) {
  const mesh = await startChaosMesh(t)
  const history = new History(mesh.deployment.url)
  const jobs = new JobHistory(mesh.deployment.url)
  await history.learn()
  const over = new AbortController()
  const load = [
    ...Array.from({ length: Number(values.clients) }, () => history.client(over.signal)),
    history.stranger(over.signal),
    jobs.client(over.signal)
  ]
  const isWanted = ({ name }: { name: string }) => name.includes(values.only)
  const faults = FAULTS.filter((each) => (each.needs ?? false) === false && isWanted(each))
  const times = new Map(faults.map(({ name }) => [name, 0]))
  const deck = new Deck(faults, random)
  const deadline = performance.now() + ms
  const memory: number[] = []
  while (performance.now() < deadline) {
    const fault = deck.draw()
    process.stderr.write(`${Math.round((deadline - performance.now()) / 1000)} s: ${fault.name}\n`)
    await fault.run(mesh, random.between(FAULT_MS.from, FAULT_MS.to), random)
    times.set(fault.name, times.get(fault.name)! + 1)
    await sleep(random.between(REST_MS.from, REST_MS.to))
    memory.push(bridgeBytes(mesh))
  }
  over.abort()
  await Promise.all(load)
  const store = await openStore(t, mesh)
  const books = await settledBooks(store, history)
  await jobs.settle(store)
  const kept = await jobs.compare(store)
  const said = [...mesh.logged]
  for (const line of said) process.stderr.write(`said: ${line}\n`)
  const rows = faults.map(({ name, says }) => {
    const count = times.get(name)!
    return [name, String(count), count === 0 ? '' : namedIn(said, says)]
  })
  const unnamed = rows.filter(([, , named]) => named === '**no**').length
  return {
    rows,
    bars: [
      ...barsOf(history, books, memory),
      ...barsOfJobs(jobs, kept),
      bar('faults not named', 0, unnamed),
      forbidden([...said, ...history.messages, ...jobs.messages])
    ]
  }
}

/** Each fault once, in any order, before one comes again. */
class Deck<Card> {
  readonly #all: readonly Card[]
  readonly #random: Random
  #left: Card[] = []

  constructor(all: readonly Card[], random: Random) {
    this.#all = all
    this.#random = random
  }

  draw(): Card {
    if (this.#left.length === 0) this.#left = [...this.#all]
    return this.#left.splice(this.#random.between(0, this.#left.length), 1)[0]!
  }
}

const namedIn = (said: string[], says: RegExp | undefined): string =>
  says === undefined ? 'nothing to name' : said.some((line) => says.test(line)) ? 'yes' : '**no**'

async function openStore(t: TestContext, { adminUrl }: ChaosMesh): Promise<PostgresStore> {
  const store = new PostgresStore({ url: adminUrl, log: silentLogger() })
  await store.start()
  t.after(() => store.stop())
  return store
}

async function settledBooks(store: PostgresStore, history: History) {
  await until(async () => (await history.compare(store)).lost === 0, SETTLED_MS_MAX).catch(() => {})
  return history.compare(store)
}

/** Of the process that is never killed; the others begin anew too often to be compared. */
function bridgeBytes({ deployment }: ChaosMesh): number {
  const bridge = deployment.services.find(({ child }) => child.spawnargs.includes('http-bridge'))!
  return Number(readFileSync(`/proc/${bridge.pid}/statm`, 'utf8').split(' ')[1]) * 4096
}

function barsOf(
  history: History,
  books: Awaited<ReturnType<History['compare']>>,
  memory: number[]
): Bar[] {
  const failures = [...history.failures].map(([code, count]) => `${count} ${code}`).join(', ')
  const drift = memory.at(-1)! / memory[Math.floor(memory.length / 5)]! - 1
  return [
    {
      figure: 'requests acknowledged; refused',
      bar: '> 0',
      measured: `${history.acknowledged.length}; ${failures || 'none'}`,
      holds: history.acknowledged.length > 0
    },
    bar('acknowledged requests lost', 0, books.lost),
    bar('acknowledged requests in the books twice', 0, books.doubled),
    bar('tokens of them lost (-) or doubled (+)', 0, books.tokens),
    bar('wrong texts', 0, history.wrongTexts),
    bar(`strangers let in, of ${history.knocks}`, 0, history.opened),
    {
      figure: 'memory of the bridge, end over the first fifth',
      bar: '± 10 %',
      measured: `${(drift * 100).toFixed(1)} %`,
      holds: Math.abs(drift) <= MEMORY_DRIFT_MAX
    }
  ]
}

const barsOfJobs = (
  { acknowledged, refusals }: JobHistory,
  { lost, open, problems, states }: Awaited<ReturnType<JobHistory['compare']>>
): Bar[] => [
  {
    figure: 'jobs acknowledged; refusals, after which they were sent again',
    bar: '> 0',
    measured: `${acknowledged.length} (${states}); ${refusals}`,
    holds: acknowledged.length > 0
  },
  bar('acknowledged jobs lost', 0, lost),
  bar('jobs that did not end', 0, open),
  bar('results taken twice, and other breaches of the history of jobs', 0, problems)
]

const bar = (figure: string, wanted: number, measured: number): Bar => ({
  figure,
  bar: String(wanted),
  measured: String(measured),
  holds: measured === wanted
})

function forbidden(said: string[]): Bar {
  const found = said.filter(isForbidden)
  for (const text of found) process.stderr.write(`hides its cause: ${text}\n`)
  return bar('messages that hide their cause', 0, found.length)
}

const run = async (t: TestContext): Promise<number> => {
  const minutes = Number(values.minutes)
  const random = seededRandom(values.seed === undefined ? undefined : Number(values.seed))
  process.stderr.write(`seed ${random.seed}\n`)
  const { bars, rows } = await chaos(t, minutes * MINUTE_MS, random)
  const report = {
    title: 'Chaos',
    how:
      `${minutes} minutes of ${values.clients} clients and a stream of jobs on three gateways, three ` +
      'orchestrators, two jobs services and four workers with Postgres and Redis, and a random ' +
      'fault every few seconds ' +
      `(seed ${random.seed}).`,
    columns: ['fault', 'times', 'named in the log'],
    rows,
    bars
  }
  process.stdout.write(`\n${toMarkdown(report)}\n`)
  const command = `npm run bench:chaos -- --minutes=${minutes} --seed=${random.seed}`
  const isFull = minutes >= WRITTEN_MINUTES_MIN && values.only === ''
  if (isFull) writePart('bench:chaos', 'chaos', command, report)
  return bars.every(({ holds }) => holds) ? 0 : 1
}

const INTERRUPTED = 130
const code = await contained(import.meta.filename, (interrupted) =>
  inScope(run, interrupted).catch((error: unknown) => {
    process.stderr.write(`${interrupted.aborted ? 'interrupted' : inspect(error)}\n`)
    return interrupted.aborted ? INTERRUPTED : 1
  })
)
process.exit(code)
