/** The process that holds the model is killed in the middle of answers. */
import { fixed, type BenchOptions, type Report } from '../report.ts'
import { startHaif } from './haif.ts'
import { benchModelFile, modelName, randomPrompts, type BenchModel } from './models.ts'
import type { TokenTimes } from './streams.ts'

const SECONDS_MAX = 5

export async function benchRestart(model: BenchModel, { quick }: BenchOptions): Promise<Report> {
  const rounds = quick ? 1 : 3
  const haif = await startHaif({ modelPath: benchModelFile(model), slots: 4, contextTokens: 512 })
  const seconds: number[] = []
  for (let round = 0; round < rounds; round++) {
    const [prompt] = randomPrompts(1, 32, 5000 + round)
    const answer: TokenTimes = []
    const running = haif.ask({ prompt: prompt!, maxTokens: 400 }, answer, performance.now())
    const ended = running.then(
      () => 'answered',
      () => 'failed'
    )
    while (answer.length < 8) await new Promise((resolve) => setTimeout(resolve, 5))
    process.kill(haif.pid(), 'SIGKILL')
    const killedAt = performance.now()
    if ((await ended) !== 'failed') throw new Error('the answer outlived its process')
    const next: TokenTimes = []
    await haif.ask({ prompt: prompt!, maxTokens: 1 }, next, killedAt)
    seconds.push(next[0]! / 1000)
  }
  await haif.close()
  const longest = Math.max(...seconds)
  return {
    title: 'The process of the model is killed',
    how: `kill -9 in the middle of an answer; seconds until the next answer has begun, of ${rounds} times the longest.`,
    columns: ['model', 'seconds'],
    rows: [[modelName(model), fixed(longest)]],
    bars: [
      {
        figure: 'kill -9 of the process of a model, until the worker serves again',
        bar: `≤ ${SECONDS_MAX} s`,
        measured: `${fixed(longest)} s`,
        holds: longest <= SECONDS_MAX
      }
    ]
  }
}
