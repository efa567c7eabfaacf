/**
 * What tokens, limits, budgets and the books of usage cost on the way of a request: two meshes that
 * differ in nothing else, asked in turns. The streams are many and slow, so that processors are
 * idle most of the time, and waiting for one is not what is measured.
 */
import { fileURLToPath } from 'node:url'
import { ServiceProcess } from '../helpers/mesh/service-process.ts'
import { countTokenEvents, keepBusy, LoadClient } from './load.ts'
import { median, percentile } from './percentiles.ts'
import { fixed, type BenchOptions, type Report } from './report.ts'

const STREAMS = 64
const TOKENS = 8
/** All answers take as long: streams that begin together would do so for ever. */
const ANSWER_MS = 800
const ADDED_MS_MAX = 0.3
const MESH = fileURLToPath(new URL('access-mesh.ts', import.meta.url))

interface Target {
  name: string
  process: ServiceProcess
  url: string
  headers: Record<string, string>
}

interface Measured {
  requestsPerSecond: number
  firstTokenMs: number[]
  cpuMsPerRequest: number
}

export async function benchAccess({ quick }: BenchOptions): Promise<Report> {
  const rounds = quick ? 2 : 10
  const seconds = quick ? 3 : 5
  const targets = await Promise.all(['plain', 'guarded'].map(startTarget))
  try {
    const found = new Map<Target, Measured[]>(targets.map((target) => [target, []]))
    for (const target of targets) await load(target, seconds)
    for (let round = 0; round < rounds; round++) {
      // Each goes first in every other round.
      for (const target of round % 2 === 0 ? targets : targets.toReversed()) {
        found.get(target)!.push(await load(target, seconds))
      }
    }
    return report(targets, found, { rounds, seconds })
  } finally {
    await Promise.all(targets.map((target) => target.process.end()))
  }
}

function report(
  targets: readonly Target[],
  found: ReadonlyMap<Target, Measured[]>,
  { rounds, seconds }: { rounds: number; seconds: number }
): Report {
  const figure = (of: (measured: Measured) => number) => (target: Target) =>
    median(found.get(target)!.map(of))
  const rate = figure(({ requestsPerSecond }) => requestsPerSecond)
  const p50 = figure(({ firstTokenMs }) => percentile(firstTokenMs, 0.5))
  const p95 = figure(({ firstTokenMs }) => percentile(firstTokenMs, 0.95))
  const cpu = figure(({ cpuMsPerRequest }) => cpuMsPerRequest)
  const [plain, guarded] = targets as [Target, Target]
  const addedMs = p50(guarded) - p50(plain)
  return {
    title: 'Access',
    how: `Answers of ${TOKENS} tokens at 10 a second, ${STREAMS} streams at the same time, each mesh in a process of its own. Guarded: a token, all limits of it and of its tenant, usage recorded for each request, in the embedded database. ${rounds} rounds of ${seconds} s in turns, medians.`,
    columns: [
      'mesh',
      'requests/s',
      'first token p50 ms',
      'p95',
      'CPU ms per request',
      'p50 over plain'
    ],
    rows: targets.map((target) => [
      target.name,
      fixed(rate(target), 0),
      fixed(p50(target), 3),
      fixed(p95(target), 3),
      fixed(cpu(target), 3),
      fixed(p50(target) / p50(plain))
    ]),
    bars: [
      {
        figure: `added to the first token, ${STREAMS} streams, p50`,
        bar: `≤ ${ADDED_MS_MAX} ms`,
        measured: `${fixed(addedMs, 3)} ms`,
        holds: addedMs <= ADDED_MS_MAX
      },
      {
        figure: 'CPU added to one request, the writing of its usage included',
        bar: `≤ ${ADDED_MS_MAX} ms`,
        measured: `${fixed(cpu(guarded) - cpu(plain), 3)} ms`,
        holds: cpu(guarded) - cpu(plain) <= ADDED_MS_MAX
      }
    ]
  }
}

async function startTarget(name: string): Promise<Target> {
  const process = new ServiceProcess([MESH, name], {})
  const { url } = await process.up
  const token = /^token (\S+)$/m.exec(process.said)?.[1]
  const headers: Record<string, string> = {}
  if (token !== undefined) headers['authorization'] = `Bearer ${token}`
  return { name, process, url, headers }
}

async function load({ process, url, headers }: Target, forSeconds: number): Promise<Measured> {
  using client = new LoadClient(url, STREAMS, headers)
  const firstTokenMs: number[] = []
  const cpuBefore = process.cpuSeconds
  const once = async (index: number) => {
    const prompt = `question ${index}`
    const streamed = await client.stream({ prompt, mode: 'direct', max_tokens: TOKENS })
    if (countTokenEvents(streamed) === null) throw new Error(`not answered: ${streamed.text}`)
    firstTokenMs.push(streamed.firstTokenMs)
  }
  const { seconds } = await keepBusy(STREAMS, forSeconds, once, { staggerMs: ANSWER_MS })
  return {
    requestsPerSecond: firstTokenMs.length / seconds,
    firstTokenMs,
    cpuMsPerRequest: ((process.cpuSeconds - cpuBefore) * 1000) / firstTokenMs.length
  }
}
