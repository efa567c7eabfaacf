/**
 * Whether a worker still answers the mesh while its engine is busy: asked all the time, how late.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { workerInfer } from '#shared/contracts/inference/methods.ts'
import { workerEmbed } from '#shared/contracts/inference/embedding.ts'
import { silentLogger } from '#shared/process/log.ts'
import { BootstrapNodes } from '#shared/mesh/discovery/bootstrap-nodes.ts'
import { createDht } from '#shared/mesh/discovery/dht.ts'
import { Mesh } from '#shared/mesh/mesh.ts'
import { rootEnv, type MeshRoot } from '../../helpers/peers/mesh-root.ts'
import { createContext } from '#shared/rpc/context.ts'
import type { PeerLink } from '#shared/rpc/peer-link.ts'
import { startService } from '../../helpers/mesh/service-process.ts'
import { until } from '../../helpers/until.ts'
import { keepBusy } from '../load.ts'
import { percentile } from '../percentiles.ts'
import { fixed, type BenchOptions, type Report } from '../report.ts'
import { benchModelFile, modelName, randomPrompts, type BenchModel } from './models.ts'
import { memberOf } from '../../helpers/peers/member.ts'

const STREAMS = 16
const EVERY_MS = 50
const NOTHING = { asked: { model: 'none', inputs: ['.'] } }
const GAP_MS_MAX = 250
const MODEL_NAME = 'bench'

export async function benchResponsive(model: BenchModel, { quick }: BenchOptions): Promise<Report> {
  const seconds = quick ? 5 : 60
  const { gaps, answers } = await withWorker(benchModelFile(model), async (link) => {
    const found: number[] = []
    let count = 0
    const busy = keepBusy(STREAMS, seconds, async (index) => {
      await ask(link, randomPrompts(1, 64, 6000 + index)[0]!)
      count++
    })
    const done = new AbortController()
    const watching = watch(link, found, done.signal)
    await busy
    done.abort()
    await watching
    return { gaps: found, answers: count }
  })
  const p99 = percentile(gaps, 0.99)
  return {
    title: 'A busy worker and the mesh',
    how: `${STREAMS} answers at a time for ${seconds} s (${answers} of them), while a peer sends the worker a call every ${EVERY_MS} ms; the time from one reply to the next.`,
    columns: ['model', 'between replies p50 ms', 'p99', 'longest'],
    rows: [
      [
        modelName(model),
        fixed(percentile(gaps, 0.5), 1),
        fixed(p99, 1),
        fixed(Math.max(...gaps), 1)
      ]
    ],
    bars: [
      {
        figure: 'time between two signs of life of a worker under full load, p99',
        bar: `≤ ${GAP_MS_MAX} ms`,
        measured: `${fixed(p99, 0)} ms`,
        holds: p99 <= GAP_MS_MAX
      }
    ]
  }
}

/** A mesh of a worker in its own process and of this one. */
async function withWorker<T>(modelPath: string, use: (link: PeerLink) => Promise<T>): Promise<T> {
  const nodes = new BootstrapNodes({ host: '127.0.0.1', port: 0 })
  await nodes.start()
  const topicKey: MeshRoot = {
    secret: randomBytes(32),
    reach: 'local',
    bootstrap: [nodes.address]
  }
  const mesh = new Mesh({
    dht: createDht(topicKey),
    ...memberOf(topicKey, 'orchestrator'), // workers come to it by themselves
    lookupMs: 200,
    log: silentLogger()
  })
  await mesh.start()
  const worker = startService('worker', {
    ...rootEnv(topicKey),
    MODEL_ID: `${MODEL_NAME}=${modelPath}`
  })
  try {
    await until(() => mesh.links('worker').length > 0, 60_000)
    const link = mesh.links('worker')[0]!
    await until(async () => answers(link), 60_000)
    return await use(link)
  } finally {
    await worker.end()
    await mesh.stop()
    await nodes.stop()
  }
}

const answers = (link: PeerLink): Promise<boolean> =>
  ask(link, [1, 2, 3]).then(
    () => true,
    () => false // still loading
  )

async function ask(link: PeerLink, tokenIds: number[]): Promise<void> {
  using context = createContext({ timeoutMs: 60_000 })
  const asked = {
    input: { mode: 'tokens' as const, tokenIds },
    model: MODEL_NAME,
    maxTokens: 64,
    sampling: { temperature: 0 }
  }
  const stream = link.stream(workerInfer, { asked }, context)
  while ((await stream.next()).done !== true);
}

async function watch(link: PeerLink, gaps: number[], signal: AbortSignal): Promise<void> {
  let last = performance.now()
  while (!signal.aborted) {
    using context = createContext({ timeoutMs: 10_000 })
    // It holds no such model; that it says so is the sign of life.
    await link.call(workerEmbed, NOTHING, context).catch(() => {})
    const now = performance.now()
    gaps.push(now - last)
    last = now
    await delay(EVERY_MS)
  }
}
