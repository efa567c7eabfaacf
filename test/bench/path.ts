/**
 * What the path costs: HTTP and three RPC hops to an engine that costs nothing, over a bare Fastify
 * route that writes the same events.
 */
import { fileURLToPath } from 'node:url'
import { Deployment } from '../helpers/deployment.ts'
import { ServiceProcess, startUp } from '../helpers/service-process.ts'
import { countTokenEvents, keepBusy, LoadClient } from './load.ts'
import { mean, median, percentile } from './percentiles.ts'
import { fixed, type BenchOptions, type Report } from './report.ts'

const STREAMS = [1, 16, 64, 256]
const TOKENS = 32
/** Requests per second over the bare route. */
const RATIO_MIN = 0.35
const MODEL = 'sim?slots=1024&kv=inf&decode=inf&prefill=inf'
const BARE = fileURLToPath(new URL('bare-server.ts', import.meta.url))

/** Something that answers `POST /infer`, and the processes that it takes. */
interface Target {
  /** What the bare route is asked beside the prompt. */
  extra?: () => object
  name: string
  url: string
  processes: readonly ServiceProcess[]
}

interface Measured {
  requestsPerSecond: number
  firstTokenMs: number[]
  cpuMsPerThousandTokens: number
  eventsPerAnswer: number
}

export async function benchPath({ quick }: BenchOptions): Promise<Report> {
  const seconds = quick ? 1 : 2
  const rounds = quick ? 1 : 5
  await using deployment = await Deployment.start([MODEL])
  const bare = new ServiceProcess([BARE], {})
  const up = startUp(['--model', MODEL], { MAX_CONCURRENT_REQUESTS: '100000' })
  try {
    // What is said in one turn may travel as one event: the bare route writes as many.
    let events = TOKENS
    const extra = () => ({ events })
    const targets: Target[] = [
      { name: 'bare Fastify', url: (await bare.up).url, processes: [bare], extra },
      { name: 'services', url: deployment.url, processes: deployment.services },
      { name: 'haif up', url: (await up.up).url, processes: [up] }
    ]
    const rows: string[][] = []
    const ratios = new Map<number, number>()
    for (const streams of STREAMS) {
      for (const target of targets) {
        const warmUp = await load(target, streams, seconds / 2)
        if (target === targets[1]) events = Math.round(warmUp.eventsPerAnswer)
      }
      const found = await inTurns(targets, rounds, (target) => load(target, streams, seconds))
      const bareRate = rateOf(found.get(targets[0]!)!)
      ratios.set(streams, rateOf(found.get(targets[1]!)!) / bareRate)
      for (const target of targets) rows.push(rowOf(streams, target, found.get(target)!, bareRate))
    }
    return {
      title: 'Path overhead',
      how: `Answers of ${TOKENS} tokens from an engine at no cost, over keep-alive connections; the bare route writes as many events as the services. ${rounds} rounds of ${seconds} s in turns, medians. The client shares the cores with what it measures. CPU is that of the servers.`,
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
    fixed(mean(found.map((each) => each.cpuMsPerThousandTokens)), 1),
    fixed(rate / bareRate)
  ]
}

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

async function load({ url, processes, extra }: Target, streams: number, forSeconds: number) {
  using client = new LoadClient(url, streams)
  const firstTokenMs: number[] = []
  const cpuSeconds = () => processes.reduce((sum, each) => sum + each.cpuSeconds, 0)
  const cpuBefore = cpuSeconds()
  let events = 0
  const { seconds } = await keepBusy(streams, forSeconds, async (index) => {
    const streamed = await client.stream({
      prompt: `question ${index}`,
      mode: 'direct',
      max_tokens: TOKENS,
      ...extra?.()
    })
    const count = countTokenEvents(streamed)
    if (count === null) throw new Error(`not answered: ${streamed.text}`)
    events += count
    firstTokenMs.push(streamed.firstTokenMs)
  })
  const requests = firstTokenMs.length
  const cpuMs = (cpuSeconds() - cpuBefore) * 1000
  return {
    requestsPerSecond: requests / seconds,
    firstTokenMs,
    eventsPerAnswer: events / requests,
    cpuMsPerThousandTokens: (cpuMs / (requests * TOKENS)) * 1000
  }
}
