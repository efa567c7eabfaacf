/** A long beginning that was seen before: how much sooner the answer begins. */
import { median } from '../percentiles.ts'
import { fixed, type BenchOptions, type Report } from '../report.ts'
import { startHaif } from './haif.ts'
import { benchModelFile, modelName, randomPrompts, type BenchModel } from './models.ts'
import { firstTokenMs } from './streams.ts'

const PREFIX_TOKENS = 1024
const QUESTION_TOKENS = 8
const RATIO_MAX = 1 / 20

export async function benchPrefixHit(model: BenchModel, { quick }: BenchOptions): Promise<Report> {
  const rounds = quick ? 2 : 5
  const haif = await startHaif({ modelPath: benchModelFile(model), slots: 2, contextTokens: 2048 })
  const cold: number[] = []
  const hit: number[] = []
  for (let round = 0; round < rounds; round++) {
    const [prefix] = randomPrompts(1, PREFIX_TOKENS, 1000 + round)
    const questions = randomPrompts(2, QUESTION_TOKENS, 2000 + round)
    for (const [i, times] of [cold, hit].entries()) {
      const prompt = [...prefix!, ...questions[i]!]
      times.push(firstTokenMs(await haif.run([{ prompt, maxTokens: 4 }]))[0]!)
    }
  }
  await haif.close()
  const ratio = median(hit) / median(cold)
  return {
    title: 'A prefix seen before',
    how: `${PREFIX_TOKENS} tokens that an earlier request had as well, then ${QUESTION_TOKENS} of its own; ${rounds} rounds, medians.`,
    columns: ['model', 'first token, new ms', 'seen before ms', 'ratio'],
    rows: [[modelName(model), fixed(median(cold), 0), fixed(median(hit), 1), fixed(ratio, 3)]],
    bars: [
      {
        figure: 'first token after a 1,024-token prefix seen before, over a new one',
        bar: '≤ 0.05',
        measured: fixed(ratio, 3),
        holds: ratio <= RATIO_MAX
      }
    ]
  }
}
