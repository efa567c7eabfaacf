/**
 * The library as its documentation shows it: every request is a loop over `evaluate()` on a
 * sequence of its own, and all loops run at the same time.
 */
import { getLlama, LlamaLogLevel, type LlamaContextSequence, type Token } from 'node-llama-cpp'
import { isToken } from '../../../services/worker/engines/llama/child/tokens.ts'
import type { FromLibrary, LibraryOptions, ToLibrary } from './library-messages.ts'
import type { Ask, Run, TokenTimes } from './streams.ts'

let sequences: LlamaContextSequence[] = []

process.on('message', (message: ToLibrary) => {
  void answer(message).then((reply) => process.send?.(reply))
})
process.on('disconnect', () => process.exit())

async function answer(message: ToLibrary): Promise<FromLibrary> {
  if (message.kind === 'run') return { kind: 'ran', run: await run(message.asks) }
  sequences = await load(message.options)
  return { kind: 'loaded' }
}

async function load({ modelPath, slots, contextTokens, threads }: LibraryOptions) {
  const llama = await getLlama({
    build: 'never',
    gpu: false,
    maxThreads: threads,
    progressLogs: false,
    logLevel: LlamaLogLevel.error
  })
  const model = await llama.loadModel({ modelPath })
  const context = await model.createContext({
    sequences: slots,
    contextSize: contextTokens,
    threads
  })
  return Array.from({ length: slots }, () => context.getSequence())
}

async function run(asks: readonly Ask[]): Promise<Run> {
  const startedAt = performance.now()
  const answers: TokenTimes[] = asks.map(() => [])
  const waiting = asks.map((ask, index) => ({ ask, times: answers[index]! }))
  const serve = async (sequence: LlamaContextSequence) => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      await evaluate(sequence, next.ask, next.times, startedAt)
    }
  }
  await Promise.all(sequences.slice(0, asks.length).map(serve))
  return { ms: performance.now() - startedAt, answers }
}

async function evaluate(
  sequence: LlamaContextSequence,
  { prompt, maxTokens }: Ask,
  times: TokenTimes,
  startedAt: number
): Promise<void> {
  const tokens = prompt.filter((id): id is Token => isToken(id, Infinity))
  await sequence.adaptStateToTokens(tokens.slice(0, -1), false)
  const rest = tokens.slice(sequence.nextTokenIndex)
  const answer = sequence.evaluate(rest, { temperature: 0, yieldEogToken: true })
  while (times.length < maxTokens && !(await answer.next()).done) {
    times.push(performance.now() - startedAt)
  }
  await answer.return()
}
