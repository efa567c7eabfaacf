/**
 * What the path adds to an engine: the same engine through the mesh, over the engine alone.
 *
 * The built-in model is so small that it makes a token in half a millisecond and uses every core,
 * so it shows the cost of the path at its worst. 125 M random weights stand for a real model, and a
 * simulated engine for one on a GPU: it takes 20 ms for a token and no processor.
 */
import { fileURLToPath } from 'node:url'
import { createLlamaEngine } from '../../services/worker/engines/llama/parent/llama-engine.ts'
import { SimEngine } from '../../services/worker/engines/sim/sim-engine.ts'
import { BUILTIN_NAME } from '#shared/contracts/inference/model-name.ts'
import type { Engine } from '../../services/worker/engines/engine.ts'
import { Deployment } from '../helpers/mesh/deployment.ts'
import { until } from '../helpers/until.ts'
import { benchModelFile } from './engine/models.ts'
import { keepBusy, LoadClient } from './load.ts'
import { median, percentile } from './percentiles.ts'
import { fixed, type Bar, type BenchOptions, type Report } from './report.ts'

const STREAMS = [1, 4, 16]
const TOKENS = 64
const PROMPTS = ['What is HAIF?', 'What is a worker?', 'Tell me about the mesh.', 'Who are you?']
const MODEL_FILE = new URL('../../services/worker/models/haif-tiny-Q8_0.gguf', import.meta.url)
const LARGER_NAME = '125m'
/** Answers of a simulated engine all take as long, and would begin at the same moment for ever. */
const STAGGER_MS = 500
const TOKENS_RATIO_MIN = 0.97
const ADDED_MS_MAX = { p50: 3, p95: 10 }

interface Measured {
  tokensPerSecond: number
  firstTokenMs: number[]
}

type Ask = (prompt: string) => Promise<{ tokens: number; firstTokenMs: number }>

interface Subject {
  name: string
  /** As clients name it. */
  model: string
  engine: Engine
}

const SIM = { slots: 64, decodeTokensPerSecond: 50, prefillTokensPerSecond: Infinity }
const SIM_URI = 'sim?slots=64&decode=50&prefill=inf'

export async function benchEngine({ quick }: BenchOptions): Promise<Report> {
  const seconds = quick ? 2 : 3
  const rounds = quick ? 1 : 3
  const modelPath = fileURLToPath(MODEL_FILE)
  const larger = benchModelFile({ shape: '125M', quantization: 'Q8_0' })
  const subjects: Subject[] = [
    {
      name: 'built-in model',
      model: BUILTIN_NAME,
      engine: createLlamaEngine({ modelPath, name: BUILTIN_NAME })
    },
    {
      name: '125M Q8_0',
      model: LARGER_NAME,
      engine: createLlamaEngine({ modelPath: larger, name: LARGER_NAME, contextTokens: 512 })
    },
    { name: '50 tokens/s', model: 'sim', engine: new SimEngine(SIM) }
  ]
  await using deployment = await Deployment.start(['builtin', SIM_URI])
  deployment.addWorker(`${LARGER_NAME}=${larger}`)
  await until(async () => (await fetch(`${deployment.url}/v1/models/${LARGER_NAME}`)).ok, 60_000)
  await warmUp(deployment.url)
  await Promise.all(subjects.map(({ engine }) => engine.load()))
  try {
    const rows: string[][] = []
    const bars: Bar[] = []
    for (const subject of subjects) {
      for (const streams of STREAMS) {
        using client = new LoadClient(deployment.url, streams)
        const asks: [Ask, Ask] = [
          (prompt) => askEngine(subject.engine, prompt),
          (prompt) => askMesh(client, subject.model, prompt)
        ]
        const found = await inTurns(asks, { streams, seconds, rounds })
        judge(subject, streams, found, rows, bars)
      }
    }
    return {
      title: 'Over the engine alone',
      how: `Answers of up to ${TOKENS} tokens; the engine in the client's process, and the same engine behind bridge, gateway, orchestrator and worker. ${rounds} rounds of ${seconds} s in turns.`,
      columns: ['engine', 'streams', 'alone tokens/s', 'through HAIF', 'ratio', ...TTFT_COLUMNS],
      rows,
      bars
    }
  } finally {
    await Promise.all(subjects.map(({ engine }) => engine.close()))
  }
}

/** Until the code that runs all the time is compiled, it costs twice as much. */
async function warmUp(url: string): Promise<void> {
  using client = new LoadClient(url, 64)
  await keepBusy(64, 8, async () => void (await askMesh(client, 'sim', 'hello')))
}

async function inTurns(
  asks: [Ask, Ask],
  { streams, seconds, rounds }: { streams: number; seconds: number; rounds: number }
): Promise<[Measured[], Measured[]]> {
  const found: [Measured[], Measured[]] = [[], []]
  for (const ask of asks) await load(ask, streams, 1) // to warm up
  for (let round = 0; round < rounds; round++) {
    for (const [i, ask] of asks.entries()) found[i]!.push(await load(ask, streams, seconds))
  }
  return found
}

const TTFT_COLUMNS = [
  'first token alone p50 ms',
  'p95',
  'through HAIF p50 ms',
  'p95',
  'added p50',
  'added p95'
]

function judge(
  { name }: Subject,
  streams: number,
  found: [Measured[], Measured[]],
  rows: string[][],
  bars: Bar[]
) {
  const [alone, mesh] = found.map((each) => median(each.map((m) => m.tokensPerSecond)))
  const first = found.map((each) => each.flatMap((m) => m.firstTokenMs))
  const [alone50, mesh50] = first.map((times) => percentile(times, 0.5))
  const [alone95, mesh95] = first.map((times) => percentile(times, 0.95))
  const ratio = mesh! / alone!
  const added = { p50: mesh50! - alone50!, p95: mesh95! - alone95! }
  const times = [alone50!, alone95!, mesh50!, mesh95!, added.p50, added.p95]
  rows.push([
    name,
    String(streams),
    fixed(alone!, 0),
    fixed(mesh!, 0),
    fixed(ratio, 3),
    ...times.map((ms) => fixed(ms))
  ])
  bars.push({
    figure: `${name}, ${streams} streams: tokens/s over the engine alone`,
    bar: `≥ ${TOKENS_RATIO_MIN}`,
    measured: fixed(ratio, 3),
    holds: ratio >= TOKENS_RATIO_MIN
  })
  for (const part of ['p50', 'p95'] as const) {
    bars.push({
      figure: `${name}, ${streams} streams: added to the first token, ${part}`,
      bar: `≤ ${ADDED_MS_MAX[part]} ms`,
      measured: `${fixed(added[part])} ms`,
      holds: added[part] <= ADDED_MS_MAX[part]
    })
  }
}

async function load(ask: Ask, streams: number, forSeconds: number): Promise<Measured> {
  const firstTokenMs: number[] = []
  let tokens = 0
  const options = { staggerMs: STAGGER_MS }
  const { seconds } = await keepBusy(
    streams,
    forSeconds,
    async (index) => {
      const answer = await ask(PROMPTS[index % PROMPTS.length]!)
      tokens += answer.tokens
      firstTokenMs.push(answer.firstTokenMs)
    },
    options
  )
  return { tokensPerSecond: tokens / seconds, firstTokenMs }
}

async function askEngine(engine: Engine, prompt: string) {
  const startedAt = performance.now()
  let firstTokenMs = NaN
  const { signal } = new AbortController()
  const answer = engine.generate(
    {
      input: { mode: 'direct', prompt },
      maxTokens: TOKENS,
      sampling: { temperature: 0 }
    },
    signal
  )
  for (;;) {
    const { done, value } = await answer.next()
    if (done === true) return { tokens: value.usage.completionTokens, firstTokenMs }
    if (Number.isNaN(firstTokenMs)) firstTokenMs = performance.now() - startedAt
  }
}

async function askMesh(client: LoadClient, model: string, prompt: string) {
  const body = { model, prompt, mode: 'direct', max_tokens: TOKENS, temperature: 0 }
  const { text, firstTokenMs } = await client.stream(body)
  const tokens = /"completion_tokens":(\d+)/.exec(text)?.[1]
  if (tokens === undefined) throw new Error(`not answered: ${text}`)
  return { tokens: Number(tokens), firstTokenMs }
}
