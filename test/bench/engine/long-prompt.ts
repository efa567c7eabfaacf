/**
 * A long prompt that arrives while others are being answered: they must not be made to wait for it.
 */
import { fixed, type BenchOptions, type Report } from '../report.ts'
import { startHaif, type HaifSubject } from './haif.ts'
import { benchModelFile, modelName, randomPrompts, type BenchModel } from './models.ts'
import { firstTokenMs, p50, p95, type TokenTimes } from './streams.ts'

const STREAMS = 8
const LONG_TOKENS = 4000
const RATIO_MAX = 2.5
const OVER_ALONE_MAX = 2
const BEFORE_TOKENS = 48

export async function benchLongPrompt(model: BenchModel, { quick }: BenchOptions): Promise<Report> {
  const rounds = quick ? 1 : 3
  const slots = STREAMS + 1
  const haif = await startHaif({ modelPath: benchModelFile(model), slots, contextTokens: 4608 })
  const without: number[] = []
  const during: number[] = []
  const firstToken: number[] = []
  const alone: number[] = []
  for (let round = 0; round < rounds; round++) {
    const found = await disturb(haif, round)
    without.push(...found.without)
    during.push(...found.during)
    firstToken.push(found.firstTokenMs)
    alone.push(await readAlone(haif, round))
  }
  await haif.close()
  const ratio = p95(during) / p95(without)
  const overAlone = p50(firstToken) / p50(alone)
  return {
    title: 'A long prompt among running answers',
    how: `A prompt of ${LONG_TOKENS} tokens arrives while ${STREAMS} answers are written; the time between two tokens of those, before and while it is read. ${rounds} rounds.`,
    columns: [
      'model',
      'before p95 ms',
      'while it is read p95 ms',
      'ratio',
      'longest ms',
      'its first token ms',
      'alone ms',
      'ratio'
    ],
    rows: [
      [
        modelName(model),
        fixed(p95(without), 1),
        fixed(p95(during), 1),
        fixed(ratio),
        fixed(Math.max(...during), 0),
        fixed(p50(firstToken), 0),
        fixed(p50(alone), 0),
        fixed(overAlone)
      ]
    ],
    bars: [
      {
        figure: `time between tokens of ${STREAMS} answers while a ${LONG_TOKENS}-token prompt is read, p95, over without`,
        bar: `≤ ${RATIO_MAX}`,
        measured: fixed(ratio),
        holds: ratio <= RATIO_MAX
      },
      {
        figure: `first token of the ${LONG_TOKENS}-token prompt among them, over alone`,
        bar: `≤ ${OVER_ALONE_MAX}`,
        measured: fixed(overAlone),
        holds: overAlone <= OVER_ALONE_MAX
      }
    ]
  }
}

async function disturb(haif: HaifSubject, round: number) {
  const startedAt = performance.now()
  const now = () => performance.now() - startedAt
  const answers: TokenTimes[] = Array.from({ length: STREAMS }, () => [])
  const long: TokenTimes = []
  const stop = new AbortController()
  const running = randomPrompts(STREAMS, 32, 3000 + round).map((prompt, i) =>
    haif
      .ask({ prompt, maxTokens: 4000 }, answers[i]!, startedAt, stop.signal)
      .catch(rethrowUnless(stop))
  )
  await haveTokens(answers, BEFORE_TOKENS)
  const from = now()
  const [prompt] = randomPrompts(1, LONG_TOKENS, 4000 + round)
  await haif.ask({ prompt: prompt!, maxTokens: 1 }, long, startedAt)
  stop.abort()
  await Promise.all(running)
  const to = long[0]!
  // The first few tokens come while other short prompts are still being read.
  const settled = Math.max(...answers.map((times) => times[4] ?? Infinity))
  return {
    without: answers.flatMap((times) => gapsWithin(times, settled, from)),
    during: answers.flatMap((times) => gapsWithin(times, from, to)),
    firstTokenMs: to - from
  }
}

async function readAlone(haif: HaifSubject, round: number): Promise<number> {
  const [prompt] = randomPrompts(1, LONG_TOKENS, 5000 + round)
  return firstTokenMs(await haif.run([{ prompt: prompt!, maxTokens: 1 }]))[0]!
}

const gapsWithin = (times: TokenTimes, from: number, to: number): number[] =>
  times.flatMap((at, i) => (i > 0 && times[i - 1]! >= from && at <= to ? [at - times[i - 1]!] : []))

async function haveTokens(answers: readonly TokenTimes[], tokens: number): Promise<void> {
  while (answers.some((times) => times.length < tokens)) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

const rethrowUnless = (stop: AbortController) => (error: unknown) => {
  if (!stop.signal.aborted) throw error
}
