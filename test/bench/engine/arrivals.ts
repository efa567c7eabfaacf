/**
 * More requests than slots, as a server meets them: they come at different times and leave at will.
 */
import { median } from '../percentiles.ts'
import { fixed, type BenchOptions, type Report } from '../report.ts'
import { startHaif } from './haif.ts'
import { startLibrary } from './library.ts'
import { benchModelFile, modelName, randomPrompts, type BenchModel } from './models.ts'

const REQUESTS = 48
const SLOTS = 16
const PROMPT_TOKENS = 96
const ANSWER_TOKENS = 32

export async function benchArrivals(
  models: readonly BenchModel[],
  { quick }: BenchOptions
): Promise<Report> {
  const rounds = quick ? 1 : 3
  const rows: string[][] = []
  for (const model of models) {
    const sizes = { modelPath: benchModelFile(model), slots: SLOTS, contextTokens: 512 }
    const haif = await startHaif(sizes)
    const library = await startLibrary({ ...sizes, threads: haif.threads })
    const ms: { haif: number[]; library: number[] } = { haif: [], library: [] }
    for (let round = 0; round < rounds; round++) {
      const asks = randomPrompts(REQUESTS, PROMPT_TOKENS, round + 1).map((prompt, i) => {
        return { prompt, maxTokens: ANSWER_TOKENS / 2 + (i % ANSWER_TOKENS) } // they end one by one
      })
      ms.haif.push((await haif.run(asks)).ms)
      ms.library.push((await library.run(asks)).ms)
    }
    await haif.close()
    await library.close()
    const [own, other] = [median(ms.haif), median(ms.library)]
    rows.push([modelName(model), fixed(own / 1000), fixed(other / 1000), fixed(other / own)])
  }
  return {
    title: 'More requests than slots',
    how: `${REQUESTS} requests at once over ${SLOTS} slots, prompts of ${PROMPT_TOKENS} tokens, answers of ${ANSWER_TOKENS / 2} to ${ANSWER_TOKENS * 1.5}; until the last one has ended.`,
    columns: ['model', 'seconds', 'library', 'times faster'],
    rows,
    bars: []
  }
}
