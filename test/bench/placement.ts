/**
 * How long the choice of a worker takes, as the dispatcher makes it, and what a worker costs in
 * memory.
 */
import assert from 'node:assert/strict'
import v8 from 'node:v8'
import vm from 'node:vm'
import type { WorkerReport } from '#shared/contracts/peers/peers.ts'
import { Dispatcher, type QueuedRequest } from '../../services/orchestrator/placement/dispatcher.ts'
import { PrefixIndex, prefixChain } from '../../services/orchestrator/prefixes/prefix-index.ts'
import type { WorkerLink } from '../../services/orchestrator/workers/worker-link.ts'
import { WorkerTable } from '../../services/orchestrator/workers/worker-table.ts'
import { seededRandom } from '../helpers/random.ts'
import { percentile } from './percentiles.ts'
import { fixed, type BenchOptions, type Report } from './report.ts'

v8.setFlagsFromString('--expose-gc')
const collectGarbage = vm.runInNewContext('gc') as () => void

const WORKERS = [50, 1000, 10_000]
const P99_US_MAX = 100
/** 10,000 workers may take this much longer than 50 and still count as flat. */
const FLAT_FACTOR = 3
const MODEL = 'm'
const SLOTS = 8

export async function benchPlacement({ quick }: BenchOptions): Promise<Report> {
  const decisions = quick ? 20_000 : 200_000
  measure(1000, 20_000) // so that the first size does not pay for the compiler
  const found = WORKERS.map((workers) => measure(workers, decisions))
  const [first, last] = [found[0]!, found.at(-1)!]
  const worst = Math.max(...found.map(({ p99Us }) => p99Us))
  return {
    title: 'Placement',
    how: `${decisions} decisions, each with its grant and its end, over workers of ${SLOTS} slots that are on average half full; "with prefix" adds hashing a prompt of 4K tokens and looking its prefix up. Spread: as many requests at once as there are workers, and how many the busiest one got.`,
    columns: [
      'workers',
      'p50 µs',
      'p99 µs',
      'with prefix p50 µs',
      'p99 µs',
      'bytes per worker',
      'spread'
    ],
    rows: found.map((f) => [
      String(f.workers),
      fixed(f.p50Us, 1),
      fixed(f.p99Us, 1),
      fixed(f.prefixP50Us, 1),
      fixed(f.prefixP99Us, 1),
      String(Math.round(f.bytesPerWorker)),
      String(f.busiest)
    ]),
    bars: [
      {
        figure: 'decision, p99 at any size',
        bar: `≤ ${P99_US_MAX} µs`,
        measured: `${fixed(worst, 1)} µs`,
        holds: worst <= P99_US_MAX
      },
      {
        figure: 'decision, p50, 10,000 workers over 50',
        bar: 'flat',
        measured: `× ${fixed(last.p50Us / first.p50Us)}`,
        holds: last.p50Us <= first.p50Us * FLAT_FACTOR
      }
    ]
  }
}

function measure(workers: number, decisions: number) {
  const heapBefore = heapBytes()
  const table = tableOf(workers)
  const bytesPerWorker = (heapBytes() - heapBefore) / workers
  const dispatcher = new Dispatcher({ table, now: () => performance.now() })
  const spread = spreadOf(dispatcher, workers)
  const plain = timeDecisions(dispatcher, workers, decisions, () => askFor([], () => 0))
  const index = new PrefixIndex()
  const prefixed = timeDecisions(dispatcher, workers, decisions / 10, (i) =>
    askWithPrefix(index, i, workers)
  )
  return {
    workers,
    bytesPerWorker,
    busiest: spread,
    p50Us: percentile(plain, 0.5),
    p99Us: percentile(plain, 0.99),
    prefixP50Us: percentile(prefixed, 0.5),
    prefixP99Us: percentile(prefixed, 0.99)
  }
}

/** Microseconds of each decision, while half of all slots are taken. */
function timeDecisions(
  dispatcher: Dispatcher,
  workers: number,
  decisions: number,
  makeAsk: (i: number) => QueuedRequest
): number[] {
  const held = Array.from({ length: (workers * SLOTS) / 2 }, () =>
    dispatcher.tryNow(askFor([], () => 0))
  )
  const times: number[] = []
  for (let i = 0; i < decisions; i++) {
    held[i % held.length]?.failed(null)
    const startedAt = performance.now()
    held[i % held.length] = dispatcher.tryNow(makeAsk(i))
    times.push((performance.now() - startedAt) * 1000)
  }
  for (const grant of held) grant?.failed(null)
  return times
}

/** With one request for each worker: how many the busiest one has. */
function spreadOf(dispatcher: Dispatcher, workers: number): number {
  const grants = Array.from({ length: workers }, () => dispatcher.tryNow(askFor([], () => 0)))
  const counts = new Map<string, number>()
  for (const grant of grants) {
    const key = grant?.holding.workerKey ?? 'none'
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  for (const grant of grants) grant?.failed(null)
  return Math.max(...counts.values())
}

const askFor = (affine: string[], cachedTokens: (key: string) => number): QueuedRequest => ({
  model: MODEL,
  share: { tenant: 't', weight: 1, priority: 'interactive' },
  affine,
  placement: { promptTokens: 100, exclude: new Set(), cachedTokens }
})

const DOCUMENT = 'a shared beginning '.repeat(860) // about 4K tokens

function askWithPrefix(index: PrefixIndex, i: number, workers: number): QueuedRequest {
  const session = i % 64
  const chain = prefixChain(MODEL, { mode: 'direct', prompt: `${session} ${DOCUMENT}${i}` })
  const seen = index.lookup(chain)
  index.remember(chain, keyOf(i % workers))
  return askFor([...seen.keys()], (key) => (seen.get(key) ?? 0) / 4)
}

function tableOf(workers: number): WorkerTable {
  const table = new WorkerTable(seededRandom(1).next)
  for (let i = 0; i < workers; i++) table.update(fakeLink(keyOf(i)), reportOf())
  return table
}

const keyOf = (i: number): string => i.toString(16).padStart(64, '0')

/** The table looks only at the key and the round-trip time. */
const fakeLink = (key: string): WorkerLink => ({
  peer: { key },
  rttMs: 1,
  path: 'direct' as const,
  lossPercent: 0,
  batches: () => assert.fail('nothing is inferred'),
  call: () => assert.fail('nothing is called')
})

const reportOf = (): WorkerReport => ({
  draining: false,
  models: [
    {
      name: MODEL,
      state: 'ready',
      engine: 'sim',
      slots: SLOTS,
      running: 0,
      waiting: 0,
      prefillTokensPerSecond: 5000,
      decodeTokensPerSecond: 100
    }
  ]
})

function heapBytes(): number {
  collectGarbage()
  collectGarbage()
  return process.memoryUsage().heapUsed
}
