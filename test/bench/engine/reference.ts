/**
 * The engine over llama.cpp itself: `llama-batched-bench` of the same revision on all cores, which
 * only decodes, beside HAIF's engine, which also draws tokens, makes text of them and sends it to
 * another process. In turns, so that both meet the same weather.
 */
import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { median } from '../percentiles.ts'
import { fixed, showRow, type Bar, type BenchOptions, type Report } from '../report.ts'
import { batchedBench, type BatchedBenchRates } from './batched-bench.ts'
import { startHaif } from './haif.ts'
import { benchModelFile, modelName, randomPrompts, type BenchModel } from './models.ts'
import { referencePrograms } from './reference-programs.ts'
import {
  firstTokenMs,
  steadyTokensPerSecond,
  tokensPerSecond,
  type Ask,
  type Run
} from './streams.ts'

const STREAMS = [1, 4, 16, 64]
const ANSWER_TOKENS = 64
const CONTEXT_TOKENS = 512
const RATIO_MIN = { alone: 0.85, together: 0.95 }

interface Found {
  haif: Run[]
  batchedBench: BatchedBenchRates[]
}

interface Cases {
  models: readonly BenchModel[]
  promptTokens: readonly number[]
}

const ON_CORES: Cases = {
  models: [
    { shape: '125M', quantization: 'Q8_0', vocabulary: '32k' },
    { shape: '125M', quantization: 'Q8_0', vocabulary: '128k' }
  ],
  promptTokens: [20, 350]
}
const ON_A_CARD: Cases = {
  models: [
    { shape: '1.1B', quantization: 'Q8_0', vocabulary: '32k' },
    { shape: '8B', quantization: 'Q4_0', vocabulary: '128k' }
  ],
  promptTokens: [128]
}

export async function benchReference({
  quick,
  gpu = false,
  part = {}
}: BenchOptions): Promise<Report> {
  const { release, batchedBench: program } = referencePrograms()
  const rounds = quick ? 1 : 3
  const threads = availableParallelism()
  const rows: string[][] = []
  const bars: Bar[] = []
  const cases = gpu ? ON_A_CARD : ON_CORES
  const promptTokens = part.promptTokens ?? cases.promptTokens
  const streamCounts = part.streams ?? STREAMS
  const { vocabulary } = part
  for (const model of cases.models) {
    if (vocabulary !== undefined && model.vocabulary !== vocabulary) continue
    const modelPath = benchModelFile(model)
    const haif = await startHaif({ modelPath, slots: 64, contextTokens: CONTEXT_TOKENS, gpu })
    // The first steps touch memory, and on a card load kernels, for the first time.
    for (const streams of streamCounts) {
      await haif.run(asksOf({ model, promptTokens: 20, streams }, 0))
    }
    for (const tokens of promptTokens) {
      for (const streams of streamCounts) {
        const load = { model, promptTokens: tokens, streams }
        const found: Found = { haif: [], batchedBench: [] }
        for (let round = 0; round < rounds; round++) {
          process.stderr.write(`  ${modelName(model)}, ${tokens} tokens, ${streams} streams\n`)
          found.haif.push(await haif.run(asksOf(load, round + 1)))
          const sizes = { promptTokens: tokens, answerTokens: ANSWER_TOKENS, streams }
          found.batchedBench.push(batchedBench(program, { modelPath, threads, gpu, ...sizes }))
        }
        const row = [modelName(model), String(tokens), String(streams), ...cells(load, found)]
        showRow(COLUMNS, row)
        rows.push(row)
        bars.push(barOf(load, found))
      }
    }
    await haif.close()
  }
  return {
    title: 'Over llama.cpp itself',
    how:
      `Greedy answers of ${ANSWER_TOKENS} tokens; llama-batched-bench of llama.cpp ${release} on ${gpu ? gpuName() : `${threads} threads`}. ` +
      `${rounds} rounds in turns, medians. Decoding: while all answers are written; prompts: until the last answer has begun.`,
    columns: COLUMNS,
    rows,
    bars
  }
}

const COLUMNS = [
  'model',
  'prompt tokens',
  'streams',
  'decoding tokens/s',
  'batched-bench',
  'ratio',
  'prompts tokens/s',
  'batched-bench',
  'ratio',
  'whole tokens/s'
]

interface Load {
  model: BenchModel
  promptTokens: number
  streams: number
}

function asksOf({ streams, promptTokens }: Load, seed: number): Ask[] {
  return randomPrompts(streams, promptTokens, streams * 100 + promptTokens * 7 + seed).map(
    (prompt) => ({ prompt, maxTokens: ANSWER_TOKENS })
  )
}

function gpuName(): string {
  const flags = ['--query-gpu=name,driver_version', '--format=csv,noheader']
  return execFileSync('nvidia-smi', flags, { encoding: 'utf8' }).trim()
}

const decodeOf = ({ haif }: Found): number => median(haif.map(steadyTokensPerSecond))

function cells({ promptTokens }: Load, found: Found): string[] {
  const { haif, batchedBench: reference } = found
  const prefill = median(
    haif.map((run) => (promptTokens * run.answers.length * 1000) / Math.max(...firstTokenMs(run)))
  )
  const other = { prefill: 0, decode: 0 }
  for (const part of ['prefill', 'decode'] as const) {
    other[part] = median(reference.map((each) => each[part]))
  }
  return [
    ...compared(decodeOf(found), other.decode),
    ...compared(prefill, other.prefill),
    fixed(median(haif.map(tokensPerSecond)), 0)
  ]
}

const compared = (own: number, other: number): string[] => [
  fixed(own, 0),
  fixed(other, 0),
  fixed(own / other)
]

function barOf({ model, promptTokens, streams }: Load, found: Found): Bar {
  const least = streams === 1 ? RATIO_MIN.alone : RATIO_MIN.together
  const ratio = decodeOf(found) / median(found.batchedBench.map(({ decode }) => decode))
  return {
    figure: `${modelName(model)}, ${streams} stream(s) after ${promptTokens} tokens: decoding over llama-batched-bench`,
    bar: `≥ ${least}`,
    measured: fixed(ratio),
    holds: ratio >= least
  }
}
