/**
 * Answers at the same time: prompts of 128 tokens that were never seen, then the same prompts
 * again, so that only the decoding is left. The library's loop does the same in turns.
 */
import { median } from '../percentiles.ts'
import { fixed, type Bar, type BenchOptions, type Report } from '../report.ts'
import { startHaif, type HaifSubject } from './haif.ts'
import { startLibrary } from './library.ts'
import { benchModelFile, modelName, randomPrompts, type BenchModel } from './models.ts'
import {
  firstTokenMs,
  gapsMs,
  p50,
  p95,
  tokensPerSecond,
  type Run,
  type Subject
} from './streams.ts'

const STREAMS = [1, 2, 4, 8, 16]
const SLOTS = 16
const PROMPT_TOKENS = 128
const ANSWER_TOKENS = 64
const CONTEXT_TOKENS = 512

/** At most this much of the library's loop may be lost with one stream, and so much won with 16. */
const BARS: ReadonlyMap<number, number> = new Map([
  [1, 0.95],
  [16, 2.4]
])

interface Measured {
  /** Prompts that are new. */
  cold: Run
  /** The same prompts again. */
  warm: Run
}

export async function benchConcurrency(
  models: readonly BenchModel[],
  { quick }: BenchOptions
): Promise<Report> {
  const rounds = quick ? 1 : 3
  const rows: string[][] = []
  const bars: Bar[] = []
  let threads = 0
  for (const model of models) {
    const modelPath = benchModelFile(model)
    const sizes = { modelPath, slots: SLOTS, contextTokens: CONTEXT_TOKENS }
    const haif = await startHaif(sizes)
    ;({ threads } = haif)
    const library = await startLibrary({ ...sizes, threads })
    for (const streams of STREAMS) {
      process.stderr.write(`  ${modelName(model)}, ${streams} streams\n`)
      const found = await inTurns(haif, library, streams, rounds)
      rows.push([modelName(model), String(streams), ...cells(found)])
      bars.push(...judge(model, streams, found))
    }
    await haif.close()
    await library.close()
  }
  return {
    title: 'Answers at the same time',
    how:
      `Prompts of ${PROMPT_TOKENS} tokens, answers of ${ANSWER_TOKENS}, ${threads} thread(s), ${rounds} rounds in turns, medians. ` +
      'HAIF is the engine as a worker uses it, its messages between two processes included; the library is `evaluate()` in a loop for each request. ' +
      'Decoding: tokens/s when the prompts are cached already; whole: with prompts that are new.',
    columns: COLUMNS,
    rows,
    bars
  }
}

const COLUMNS = [
  'model',
  'streams',
  'decoding tokens/s',
  'library',
  'ratio',
  'whole tokens/s',
  'library',
  'ratio',
  'first token p50 ms',
  'p95',
  'library p50 ms',
  'p95',
  'between tokens p95 ms',
  'library'
]

async function inTurns(
  haif: HaifSubject,
  library: Subject,
  streams: number,
  rounds: number
): Promise<{ haif: Measured[]; library: Measured[] }> {
  const found: { haif: Measured[]; library: Measured[] } = { haif: [], library: [] }
  for (let round = 0; round < rounds; round++) {
    const prompts = randomPrompts(streams, PROMPT_TOKENS, streams * 100 + round + 1)
    found.haif.push(await measure(haif, prompts))
    found.library.push(await measure(library, prompts))
  }
  return found
}

async function measure(subject: Subject, prompts: number[][]): Promise<Measured> {
  const asks = prompts.map((prompt) => ({ prompt, maxTokens: ANSWER_TOKENS }))
  return { cold: await subject.run(asks), warm: await subject.run(asks) }
}

const rate = (measured: Measured[], part: keyof Measured): number =>
  median(measured.map((each) => tokensPerSecond(each[part])))

function cells({ haif, library }: { haif: Measured[]; library: Measured[] }): string[] {
  const rates = (['warm', 'cold'] as const).flatMap((part) => {
    const [own, other] = [rate(haif, part), rate(library, part)]
    return [fixed(own, 0), fixed(other, 0), fixed(own / other)]
  })
  const first = [haif, library].flatMap((measured) => {
    const times = measured.flatMap(({ cold }) => firstTokenMs(cold))
    return [fixed(p50(times), 0), fixed(p95(times), 0)]
  })
  const gaps = [haif, library].map((measured) =>
    fixed(p95(measured.flatMap(({ warm }) => gapsMs(warm))), 1)
  )
  return [...rates, ...first, ...gaps]
}

function judge(
  model: BenchModel,
  streams: number,
  { haif, library }: { haif: Measured[]; library: Measured[] }
): Bar[] {
  const least = BARS.get(streams)
  if (least === undefined || model.shape !== '125M' || model.quantization !== 'Q8_0') return []
  const ratio = rate(haif, 'warm') / rate(library, 'warm')
  return [
    {
      figure: `${modelName(model)}, ${streams} stream(s): decoding over the library's loop`,
      bar: `≥ ${least}`,
      measured: fixed(ratio),
      holds: ratio >= least
    }
  ]
}
