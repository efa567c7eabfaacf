/**
 * What the path costs: HTTP and three RPC hops to an engine that costs nothing, over a bare Fastify
 * route that writes the same events.
 */
import { fileURLToPath } from 'node:url'
import { Deployment } from '../helpers/mesh/deployment.ts'
import { ServiceProcess, startUp } from '../helpers/mesh/service-process.ts'
import { countTokenEvents, keepBusy, LoadClient } from './load.ts'
import { mean, median, percentile } from './percentiles.ts'
import { fixed, type BenchOptions, type Report } from './report.ts'

const STREAMS = [1, 16, 64, 256]
const WARM_UP_STREAMS = 64
const TOKENS = 32
/** Requests per second over the bare route. */
const RATIO_MIN = 0.35
const MODEL = 'sim?slots=1024&kv=inf&decode=inf&prefill=inf'
const BARE = fileURLToPath(new URL('bare-server.ts', import.meta.url))

/** Something that answers `POST /infer`, and the processes that it takes. */
interface Target {
  name: string
  url: string
  processes: readonly ServiceProcess[]
  /** What the processes are, where there are several. */
  roles?: readonly string[]
}

interface Measured {
  requestsPerSecond: number
  firstTokenMs: number[]
  eventsPerAnswer: number
  /** Of each process. */
  cpuMicrosPerRequest: number[]
}

export async function benchPath({ quick }: BenchOptions): Promise<Report> {
  const seconds = quick ? 1 : 2
  const rounds = quick ? 1 : 5
  await using deployment = await Deployment.start([MODEL])
  await using apart = await Deployment.start([MODEL], { HAIF_LOCAL_SOCKETS: 'off' })
  const bare = new ServiceProcess([BARE], {})
  const up = startUp(['--model', MODEL], { MAX_CONCURRENT_REQUESTS: '100000' })
  try {
    const targets: Target[] = [
      { name: 'bare Fastify', url: (await bare.up).url, processes: [bare] },
      deployed('services', deployment),
      deployed('services, by UDP', apart),
      { name: 'haif up', url: (await up.up).url, processes: [up] }
    ]
    const rows: string[][] = []
    const ratios = new Map<number, number>()
    // Until the code that runs all the time is compiled, a request costs twice as much.
    for (const target of targets) await load(target, WARM_UP_STREAMS, quick ? 3 : 8)
    for (const streams of STREAMS) {
      for (const target of targets) await load(target, streams, seconds / 2)
      const found = await inTurns(targets, rounds, (target) => load(target, streams, seconds))
      const bareRate = rateOf(found.get(targets[0]!)!)
      ratios.set(streams, rateOf(found.get(targets[1]!)!) / bareRate)
      for (const target of targets) rows.push(rowOf(streams, target, found.get(target)!, bareRate))
    }
    return {
      title: 'Path overhead',
      how: `Answers of ${TOKENS} tokens from an engine at no cost, over keep-alive connections; both write an event for each token. ${rounds} rounds of ${seconds} s in turns, medians. The client shares the cores with what it measures. By UDP: as between machines, with HAIF_LOCAL_SOCKETS=off. CPU is that of the servers.`,
      columns: COLUMNS,
      rows,
      bars: [16, 64].map((streams) => ({
        figure: `requests/s over bare Fastify, ${streams} streams`,
        bar: `≥ ${RATIO_MIN}`,
        measured: fixed(ratios.get(streams)!),
        holds: ratios.get(streams)! >= RATIO_MIN
      }))
    }
  } finally {
    await Promise.all([bare.end(), up.end()])
  }
}

/** In the order in which a deployment starts them. */
const DEPLOYED = ['registry', 'orchestrator', 'gateway', 'bridge', 'worker']

const deployed = (name: string, { url, services: processes }: Deployment): Target => ({
  name,
  url,
  processes,
  roles: DEPLOYED
})

const COLUMNS = [
  'streams',
  'served by',
  'requests/s',
  'tokens/s',
  'events per answer',
  'first token p50 ms',
  'p95',
  'p99',
  'CPU ms per 1,000 tokens',
  'CPU µs per request',
  'over bare'
]

function rowOf(streams: number, target: Target, found: Measured[], bareRate: number): string[] {
  const rate = rateOf(found)
  const firstTokenMs = found.flatMap((each) => each.firstTokenMs)
  return [
    String(streams),
    target.name,
    fixed(rate, 0),
    fixed(rate * TOKENS, 0),
    fixed(mean(found.map(({ eventsPerAnswer }) => eventsPerAnswer)), 1),
    ...[0.5, 0.95, 0.99].map((part) => fixed(percentile(firstTokenMs, part))),
    fixed(mean(found.map(({ cpuMicrosPerRequest }) => sum(cpuMicrosPerRequest))) / TOKENS, 1),
    cpuOf(target, found),
    fixed(rate / bareRate)
  ]
}

/** Of all processes, and of those that have a share in it. */
function cpuOf({ roles = [] }: Target, found: Measured[]): string {
  const micros = (process: number) => mean(found.map((each) => each.cpuMicrosPerRequest[process]!))
  const each = roles.map((role, process) => ({ role, micros: micros(process) }))
  const all = fixed(mean(found.map(({ cpuMicrosPerRequest }) => sum(cpuMicrosPerRequest))), 0)
  const shares = each
    .filter(({ role }) => role !== 'registry')
    .map((share) => `${share.role} ${fixed(share.micros, 0)}`)
  return shares.length === 0 ? all : `${all}: ${shares.join(', ')}`
}

const sum = (values: readonly number[]): number => values.reduce((total, each) => total + each, 0)

const rateOf = (found: Measured[]): number =>
  median(found.map(({ requestsPerSecond }) => requestsPerSecond))

/** One after the other, again and again, so that a slow minute of the machine meets all of them. */
async function inTurns(
  targets: readonly Target[],
  rounds: number,
  measure: (target: Target) => Promise<Measured>
): Promise<Map<Target, Measured[]>> {
  const found = new Map<Target, Measured[]>(targets.map((target) => [target, []]))
  for (let round = 0; round < rounds; round++) {
    for (const target of targets) found.get(target)!.push(await measure(target))
  }
  return found
}

async function load({ url, processes }: Target, streams: number, forSeconds: number) {
  using client = new LoadClient(url, streams)
  const firstTokenMs: number[] = []
  const cpuBefore = processes.map((each) => each.cpuSeconds)
  let events = 0
  const { seconds } = await keepBusy(streams, forSeconds, async (index) => {
    const streamed = await client.stream({
      prompt: `question ${index}`,
      mode: 'direct',
      max_tokens: TOKENS
    })
    const count = countTokenEvents(streamed)
    if (count === null) throw new Error(`not answered: ${streamed.text}`)
    events += count
    firstTokenMs.push(streamed.firstTokenMs)
  })
  const requests = firstTokenMs.length
  return {
    requestsPerSecond: requests / seconds,
    firstTokenMs,
    eventsPerAnswer: events / requests,
    cpuMicrosPerRequest: processes.map(
      ({ cpuSeconds }, i) => ((cpuSeconds - cpuBefore[i]!) / requests) * 1e6
    )
  }
}
