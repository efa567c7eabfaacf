/**
 * The engine over llama.cpp itself: `llama-batched-bench` of the same revision on all cores, which
 * only decodes, beside HAIF's engine, which also draws tokens, makes text of them and sends it to
 * another process. In turns, so that both meet the same weather.
 */
import { availableParallelism } from 'node:os'
import { median } from '../percentiles.ts'
import { fixed, type Bar, type BenchOptions, type Report } from '../report.ts'
import { batchedBench, type BatchedBenchRates } from './batched-bench.ts'
import { startHaif } from './haif.ts'
import {
  benchModelFile,
  modelName,
  randomPrompts,
  type BenchModel,
  type VocabularyName
} from './models.ts'
import { referencePrograms } from './reference-programs.ts'
import { steadyTokensPerSecond, tokensPerSecond, firstTokenMs, type Run } from './streams.ts'

const STREAMS = [1, 4, 16, 64]
const VOCABULARIES: VocabularyName[] = ['32k', '128k']
const PROMPTS = [
  { tokens: 20, answer: 64 },
  { tokens: 350, answer: 64 }
]
const CONTEXT_TOKENS = 512
const RATIO_MIN = { alone: 0.85, together: 0.95 }

interface Found {
  haif: Run[]
  batchedBench: BatchedBenchRates[]
}

export async function benchReference(
  model: BenchModel,
  { quick, gpu = false }: BenchOptions
): Promise<Report> {
  const { release, batchedBench: program } = referencePrograms()
  const rounds = quick ? 1 : 3
  const threads = availableParallelism()
  const rows: string[][] = []
  const bars: Bar[] = []
  for (const vocabulary of VOCABULARIES) {
    const modelPath = benchModelFile({ ...model, vocabulary })
    const haif = await startHaif({ modelPath, slots: 64, contextTokens: CONTEXT_TOKENS, gpu })
    await haif.run(asksOf(1, PROMPTS[0]!, 1)) // the first steps touch memory for the first time
    for (const prompt of PROMPTS) {
      for (const streams of STREAMS) {
        const sizes = { modelPath, threads, streams, gpu }
        const found: Found = { haif: [], batchedBench: [] }
        for (let round = 0; round < rounds; round++) {
          process.stderr.write(`  ${vocabulary}, ${prompt.tokens} tokens, ${streams} streams\n`)
          found.haif.push(await haif.run(asksOf(streams, prompt, round + 1)))
          found.batchedBench.push(
            batchedBench(program, {
              ...sizes,
              promptTokens: prompt.tokens,
              answerTokens: prompt.answer
            })
          )
        }
        rows.push([vocabulary, String(prompt.tokens), String(streams), ...cells(found, prompt)])
        bars.push(barOf({ vocabulary, promptTokens: prompt.tokens, streams }, found))
      }
    }
    await haif.close()
  }
  return {
    title: 'Over llama.cpp itself',
    how:
      `${modelName(model)}; answers of ${PROMPTS[0]!.answer} tokens, greedy; llama-batched-bench of llama.cpp ${release} on ${threads} threads${gpu ? ' and the GPU' : ''}. ` +
      `${rounds} rounds in turns, medians. Decoding: while all answers are written; prompts: until the last answer has begun.`,
    columns: COLUMNS,
    rows,
    bars
  }
}

const COLUMNS = [
  'vocabulary',
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

function asksOf(
  streams: number,
  { tokens, answer }: { tokens: number; answer: number },
  seed: number
) {
  return randomPrompts(streams, tokens, streams * 100 + tokens * 7 + seed).map((prompt) => {
    return { prompt, maxTokens: answer }
  })
}

const decodeOf = ({ haif }: Found): number => median(haif.map(steadyTokensPerSecond))

function cells(found: Found, { tokens }: { tokens: number }): string[] {
  const { haif, batchedBench: reference } = found
  const prefill = median(
    haif.map((run) => (tokens * run.answers.length * 1000) / Math.max(...firstTokenMs(run)))
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

function barOf(
  {
    vocabulary,
    promptTokens,
    streams
  }: { vocabulary: string; promptTokens: number; streams: number },
  found: Found
): Bar {
  const least = streams === 1 ? RATIO_MIN.alone : RATIO_MIN.together
  const ratio = decodeOf(found) / median(found.batchedBench.map(({ decode }) => decode))
  return {
    figure: `${vocabulary}, ${streams} stream(s) after ${promptTokens} tokens: decoding over llama-batched-bench`,
    bar: `≥ ${least}`,
    measured: fixed(ratio),
    holds: ratio >= least
  }
}
