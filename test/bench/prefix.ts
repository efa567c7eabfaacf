/**
 * What it gives to send a prompt where its beginning is cached, over sending it where there is
 * least to do.
 */
import type { TestContext } from 'node:test'
import { silentLogger } from '#shared/process/log.ts'
import { createOrchestrator } from '../../services/orchestrator/orchestrator.ts'
import { startMesh, type TestMesh } from '../helpers/mesh/mesh.ts'
import { atEnd } from '../helpers/peers/peers.ts'
import { mean, percentile } from './percentiles.ts'
import { fixed, type BenchOptions, type Report } from './report.ts'
import { inScope } from './scope.ts'
import { timedInfer } from './timed-infer.ts'

const WORKERS = 4
const SESSIONS = 16
/** What a worker can keep: more than its share of the sessions, less than all of them. */
const CACHED_SESSIONS = 6
const PREFIX_TOKENS = 4096
const ANSWER_TOKENS = 8
const RATIO_MAX = 0.5
/** Short prompts may be this much slower: noise. */
const SHORT_RATIO_MAX = 1.1

interface Workload {
  name: string
  prompt(session: number, turn: number): string
}

const filler = (session: number, tokens: number): string =>
  `session ${session}. `.repeat(Math.ceil((tokens * 4) / 12)).slice(0, tokens * 4)

const LONG: Workload = {
  name: `${SESSIONS} sessions, ${PREFIX_TOKENS} tokens shared by the turns of each`,
  prompt: (session, turn) => `${filler(session, PREFIX_TOKENS)} question ${turn}`
}

const SHORT: Workload = {
  name: 'short prompts, 20 tokens',
  prompt: (session, turn) => `${filler(session, 16)} question ${turn}`
}

export async function benchPrefix({ quick }: BenchOptions): Promise<Report> {
  const turns = quick ? 4 : 12
  const rows: string[][] = []
  const ratios: number[] = []
  for (const workload of [LONG, SHORT]) {
    const spread = await inScope((t) => run(t, workload, turns, false))
    const affine = await inScope((t) => run(t, workload, turns, true))
    const ratio = mean(affine.firstTokenMs) / mean(spread.firstTokenMs)
    ratios.push(ratio)
    rows.push(
      rowOf(workload, 'least loaded', spread, 1),
      rowOf(workload, 'affinity', affine, ratio)
    )
  }
  const [long, short] = ratios
  return {
    title: 'Prefix affinity',
    how: `${WORKERS} simulated workers that read 5,000 tokens/s and keep ${CACHED_SESSIONS} sessions; ${turns} turns of each session, all sessions at the same time. Time to first token of the turns after the first.`,
    columns: ['prompts', 'routing', 'mean ms', 'p50', 'p95', 'prompt tokens cached', 'mean ratio'],
    rows,
    bars: [
      {
        figure: 'time to first token with a shared prefix of 4K tokens, over least loaded',
        bar: `≤ ${RATIO_MAX}`,
        measured: fixed(long!),
        holds: long! <= RATIO_MAX
      },
      {
        figure: 'the same with short prompts: it does not hurt',
        bar: `≤ ${SHORT_RATIO_MAX}`,
        measured: fixed(short!),
        holds: short! <= SHORT_RATIO_MAX
      }
    ]
  }
}

interface Found {
  firstTokenMs: number[]
  cached: number
}

const rowOf = ({ name }: Workload, routing: string, found: Found, ratio: number): string[] => [
  name,
  routing,
  fixed(mean(found.firstTokenMs), 1),
  fixed(percentile(found.firstTokenMs, 0.5), 1),
  fixed(percentile(found.firstTokenMs, 0.95), 1),
  `${fixed(found.cached * 100, 0)} %`,
  fixed(ratio)
]

async function run(
  t: TestContext,
  workload: Workload,
  turns: number,
  affinity: boolean
): Promise<Found> {
  const mesh = await startMeshWith(t, affinity)
  const firstTokenMs: number[] = []
  let [cached, read] = [0, 0]
  const session = async (number: number) => {
    for (let turn = 0; turn < turns; turn++) {
      const prompt = workload.prompt(number, turn)
      const answer = await timedInfer(mesh, { prompt, maxTokens: ANSWER_TOKENS })
      if (turn === 0) continue
      const { usage } = answer.end
      firstTokenMs.push(answer.firstTokenMs)
      cached += usage.cachedPromptTokens
      read += usage.promptTokens
    }
  }
  await Promise.all(Array.from({ length: SESSIONS }, (_, number) => session(number)))
  return { firstTokenMs, cached: cached / read }
}

async function startMeshWith(t: TestContext, affinity: boolean): Promise<TestMesh> {
  const mesh = await startMesh(t, { orchestrators: 0, workers: [] })
  const orchestrator = createOrchestrator({
    join: mesh.joiner('orchestrator'),
    self: { host: 'bench', version: '0.0.0' },
    log: silentLogger(),
    affinity
  })
  atEnd(t, () => orchestrator.stop())
  await orchestrator.start()
  for (let i = 0; i < WORKERS; i++) {
    await mesh.addSimWorker({
      slots: 4,
      prefillTokensPerSecond: 5000,
      decodeTokensPerSecond: 100,
      cacheTokens: CACHED_SESSIONS * (PREFIX_TOKENS + 64)
    })
  }
  await mesh.ready()
  return mesh
}
