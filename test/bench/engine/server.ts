/**
 * The whole server over llama-server: `haif up` and llama.cpp's own server of the same revision on
 * all cores, both asked over HTTP for the same greedy answers, in turns.
 */
import { availableParallelism } from 'node:os'
import { startUp } from '../../helpers/mesh/service-process.ts'
import { until } from '../../helpers/until.ts'
import { median, percentile } from '../percentiles.ts'
import { fixed, type Bar, type BenchOptions, type Report } from '../report.ts'
import { CompletionsClient, type Completed } from './completions.ts'
import { startLlamaServer } from './llama-server.ts'
import { benchModelFile, modelName, randomText, type BenchModel } from './models.ts'
import { referencePrograms } from './reference-programs.ts'

const STREAMS = [1, 4, 16]
const PROMPT_TOKENS = [20, 350]
const ANSWER_TOKENS = 64
const ANSWERS_PER_STREAM = 3
const SLOTS = 16
const CONTEXT_TOKENS = 512
const MODEL = 'bench'
const RATIO_MIN = { alone: 0.9, together: 0.95 }

interface Load {
  streams: number
  promptTokens: number
}

interface Measured {
  tokensPerSecond: number
  firstTokenMs: number[]
}

export async function benchServer(model: BenchModel, { quick }: BenchOptions): Promise<Report> {
  const { release, server } = referencePrograms()
  const rounds = quick ? 1 : 3
  const threads = availableParallelism()
  const modelPath = benchModelFile(model)
  const sizes = { slots: SLOTS, contextTokens: CONTEXT_TOKENS }
  await using reference = await startLlamaServer(server, { modelPath, threads, ...sizes })
  const haif = startUp([
    `--model=${MODEL}=${modelPath}`,
    `--slots=${SLOTS}`,
    `--context=${CONTEXT_TOKENS}`
  ])
  try {
    const { url } = await haif.up
    await until(async () => (await fetch(`${url}/v1/models/${MODEL}`)).ok, 60_000)
    const urls = [url, reference.url]
    const rows: string[][] = []
    const bars: Bar[] = []
    for (const each of urls) await run(each, { streams: 16, promptTokens: 20 }, 0) // to warm up
    for (const promptTokens of PROMPT_TOKENS) {
      for (const streams of STREAMS) {
        const load = { streams, promptTokens }
        const found: [Measured[], Measured[]] = [[], []]
        for (let round = 0; round < rounds; round++) {
          process.stderr.write(`  ${promptTokens} tokens, ${streams} streams\n`)
          for (const [i, each] of urls.entries()) found[i]!.push(await run(each, load, round + 1))
        }
        rows.push(rowOf(load, found))
        bars.push(barOf(load, found))
      }
    }
    return {
      title: 'The whole server over llama-server',
      how:
        `${modelName(model)}; \`haif up\` and llama-server of llama.cpp ${release} on ${threads} threads, ${SLOTS} slots each, greedy answers of ${ANSWER_TOKENS} tokens over /v1/completions, ` +
        `${ANSWERS_PER_STREAM} in a row for each stream. ${rounds} rounds in turns, medians. The client shares the cores with what it measures.`,
      columns: COLUMNS,
      rows,
      bars
    }
  } finally {
    await haif.end()
  }
}

const COLUMNS = [
  'prompt tokens',
  'streams',
  'haif up tokens/s',
  'llama-server',
  'ratio',
  'first token p50 ms',
  'p95',
  'llama-server p50 ms',
  'p95'
]

/** Each stream asks for some answers, one after the other; no prompt was seen before. */
async function run(url: string, { streams, promptTokens }: Load, seed: number): Promise<Measured> {
  using client = new CompletionsClient(url, MODEL, streams)
  const startedAt = performance.now()
  const answers: Completed[] = []
  const one = async (stream: number) => {
    for (let i = 0; i < ANSWERS_PER_STREAM; i++) {
      const text = randomText(promptTokens, promptTokens * 10_000 + seed * 1000 + stream * 10 + i)
      answers.push(await client.complete(text, ANSWER_TOKENS))
    }
  }
  await Promise.all(Array.from({ length: streams }, (_, stream) => one(stream)))
  const seconds = (performance.now() - startedAt) / 1000
  const tokens = answers.reduce((sum, { completionTokens }) => sum + completionTokens, 0)
  return {
    tokensPerSecond: tokens / seconds,
    firstTokenMs: answers.map(({ firstTokenMs }) => firstTokenMs)
  }
}

const rateOf = (found: Measured[]): number =>
  median(found.map(({ tokensPerSecond }) => tokensPerSecond))

function rowOf({ streams, promptTokens }: Load, found: [Measured[], Measured[]]): string[] {
  const [haif, reference] = found.map(rateOf) as [number, number]
  const times = found.flatMap((each) => {
    const all = each.flatMap(({ firstTokenMs }) => firstTokenMs)
    return [fixed(percentile(all, 0.5), 0), fixed(percentile(all, 0.95), 0)]
  })
  const rates = [fixed(haif, 0), fixed(reference, 0), fixed(haif / reference)]
  return [String(promptTokens), String(streams), ...rates, ...times]
}

function barOf({ streams, promptTokens }: Load, found: [Measured[], Measured[]]): Bar {
  const [haif, reference] = found.map(rateOf) as [number, number]
  const least = streams === 1 ? RATIO_MIN.alone : RATIO_MIN.together
  return {
    figure: `${streams} stream(s), prompts of ${promptTokens} tokens: tokens/s over llama-server`,
    bar: `≥ ${least}`,
    measured: fixed(haif / reference),
    holds: haif / reference >= least
  }
}
