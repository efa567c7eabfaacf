/**
 * What tokens, limits and budgets cost on the way of a request: two meshes that differ in nothing
 * else, one without tokens and one with all limits set and embedded state, asked in turns.
 */
import type { TestContext } from 'node:test'
import type { Limits } from '#shared/contracts/access.ts'
import { silentLogger } from '#shared/log.ts'
import { createMetrics } from '#shared/telemetry.ts'
import { createHttpBridge } from '../../services/http-bridge/http-bridge.ts'
import { startMesh } from '../helpers/mesh.ts'
import { atEnd } from '../helpers/peers.ts'
import { startEmbeddedStore } from '../helpers/stores.ts'
import { countTokenEvents, keepBusy, LoadClient } from './load.ts'
import { median, percentile } from './percentiles.ts'
import { fixed, type BenchOptions, type Report } from './report.ts'
import { inScope } from './scope.ts'

const STREAMS = 64
const TOKENS = 32
/** Of one stream: so that 64 of them do not fill the processor, and waiting for it is not what is measured. */
const DECODE_TOKENS_PER_SECOND = 50
const ADDED_MS_MAX = 0.3
const PLENTY = 100_000_000
const LIMITS: Limits = {
  requestsPerSecond: PLENTY,
  requestsPerMinute: PLENTY,
  tokensPerMinute: PLENTY,
  concurrent: PLENTY,
  tokensPerDay: PLENTY,
  tokensPerMonth: PLENTY,
  contextTokens: PLENTY,
  outputTokens: PLENTY,
  weight: 2
}

interface Target {
  url: string
  headers: Record<string, string>
}

interface Measured {
  requestsPerSecond: number
  firstTokenMs: number[]
  cpuMsPerRequest: number
}

export function benchAccess({ quick }: BenchOptions): Promise<Report> {
  return inScope((t) => run(t, quick ? 1 : 3, quick ? 2 : 8))
}

async function run(t: TestContext, seconds: number, rounds: number): Promise<Report> {
  const without = await startTarget(t, false)
  const withAccess = await startTarget(t, true)
  const targets = [without, withAccess]
  const found = new Map<Target, Measured[]>(targets.map((target) => [target, []]))
  for (const target of targets) await load(target, seconds / 2)
  for (let round = 0; round < rounds; round++) {
    // Each goes first in every other round.
    for (const target of round % 2 === 0 ? targets : targets.toReversed()) {
      found.get(target)!.push(await load(target, seconds))
    }
  }
  const p50 = (target: Target) =>
    median(found.get(target)!.map(({ firstTokenMs }) => percentile(firstTokenMs, 0.5)))
  const cpu = (target: Target) =>
    median(found.get(target)!.map(({ cpuMsPerRequest }) => cpuMsPerRequest))
  const addedMs = p50(withAccess) - p50(without)
  return {
    title: 'Access',
    how: `Answers of ${TOKENS} tokens at ${DECODE_TOKENS_PER_SECOND} a second, ${STREAMS} streams at the same time, everything and the client in one process. With access: a token, nine limits of it and nine of its tenant, budgets kept in the embedded database. ${rounds} rounds of ${seconds} s in turns, medians.`,
    columns: [
      '',
      'requests/s',
      'first token p50 ms',
      'CPU ms per request',
      'first token over without'
    ],
    rows: targets.map((target) => [
      target === without ? 'without' : 'with access',
      fixed(median(found.get(target)!.map(({ requestsPerSecond }) => requestsPerSecond)), 0),
      fixed(p50(target), 3),
      fixed(cpu(target), 3),
      fixed(p50(target) / p50(without))
    ]),
    bars: [
      {
        figure: `added to the first token, ${STREAMS} streams, p50`,
        bar: `≤ ${ADDED_MS_MAX} ms`,
        measured: `${fixed(addedMs, 3)} ms`,
        holds: addedMs <= ADDED_MS_MAX
      },
      {
        figure: 'CPU added to one request',
        bar: `≤ ${ADDED_MS_MAX} ms`,
        measured: `${fixed(cpu(withAccess) - cpu(without), 3)} ms`,
        holds: cpu(withAccess) - cpu(without) <= ADDED_MS_MAX
      }
    ]
  }
}

async function startTarget(t: TestContext, withAccess: boolean): Promise<Target> {
  const mesh = await startMesh(t, { gateways: 0, workers: [] })
  const max = { maxConcurrentPerCaller: PLENTY }
  const store = withAccess ? (await startEmbeddedStore(t)).store : null
  const access = await mesh.addGateway({ ...max, store })
  await mesh.addSimWorker({
    slots: 1024,
    decodeTokensPerSecond: DECODE_TOKENS_PER_SECOND,
    prefillTokensPerSecond: Infinity
  })
  const headers: Record<string, string> = {}
  if (withAccess) {
    const doer = { actor: 'bench', requestId: 'bench' }
    const { admin } = access.stored
    await admin.setTenant({ id: 'bench', limits: LIMITS }, doer)
    const { secret } = await admin.createToken({ tenant: 'bench', limits: LIMITS }, doer)
    headers['authorization'] = `Bearer ${secret}`
  }
  const bridge = createHttpBridge({
    join: mesh.joiner('bridge'),
    self: { host: 'bench', version: '0' },
    host: '127.0.0.1',
    port: 0,
    metrics: createMetrics(),
    log: silentLogger()
  })
  atEnd(t, () => bridge.stop())
  await bridge.start()
  return { url: bridge.url, headers }
}

async function load({ url, headers }: Target, forSeconds: number): Promise<Measured> {
  using client = new LoadClient(url, STREAMS, headers)
  const firstTokenMs: number[] = []
  const before = process.cpuUsage()
  const { seconds } = await keepBusy(STREAMS, forSeconds, async (index) => {
    const prompt = `question ${index}`
    const streamed = await client.stream({ prompt, mode: 'direct', max_tokens: TOKENS })
    if (countTokenEvents(streamed) === null) throw new Error(`not answered: ${streamed.text}`)
    firstTokenMs.push(streamed.firstTokenMs)
  })
  const { user, system } = process.cpuUsage(before)
  return {
    requestsPerSecond: firstTokenMs.length / seconds,
    firstTokenMs,
    cpuMsPerRequest: (user + system) / 1000 / firstTokenMs.length
  }
}
