/**
 * Measures the machine with the model that was just loaded. More threads are not always faster (on
 * two cores one thread decoded 165 tokens/s and two threads 80), so a few counts are tried.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Llama, LlamaContextSequence, Token } from 'node-llama-cpp'
import type { Calibration } from '../load-model.ts'
import { isToken } from '../tokens.ts'

interface Bench {
  llama: Llama
  sequences: readonly LlamaContextSequence[]
  vocabularySize: number
}

export async function calibrate(bench: Bench, threadsMax: number): Promise<Calibration> {
  const alone = bench.sequences.slice(0, 1)
  await decodeStepMs(bench, alone) // the first batch pays for memory that is touched the first time
  let best = { threads: threadsMax, stepMs: Infinity }
  for (const threads of threadCounts(threadsMax)) {
    await useThreads(bench.llama, threads)
    const stepMs = await decodeStepMs(bench, alone)
    if (stepMs * CLEARLY < best.stepMs) best = { threads, stepMs }
  }
  await useThreads(bench.llama, best.threads)
  const allMs = await decodeStepMs(bench, bench.sequences)
  const all = bench.sequences.length
  const prefill = await prefillRate(bench)
  for (const sequence of bench.sequences) await sequence.clearHistory()
  return {
    threads: best.threads,
    rates: { prefill, decode: (all / allMs) * 1000 },
    decodeSteps: [
      [1, best.stepMs],
      [all, allMs]
    ]
  }
}

/** The counts from the highest down: a lower one has to be clearly better, as prompts gain too. */
export function threadCounts(threadsMax: number): number[] {
  return [...new Set([threadsMax, Math.ceil(threadsMax / 2), 1])]
}

const CLEARLY = 1.1
const STEPS = 12
const STEPS_MS_MAX = 200
const PREFILL_TOKENS = [32, 96]
const PREFILL_MS_ENOUGH = 50

/** The library takes a new number only after it has released its threads, in a timer of 0 ms. */
async function useThreads(llama: Llama, threads: number): Promise<void> {
  llama.maxThreads = threads
  await delay(THREADS_RELEASED_MS)
}

const THREADS_RELEASED_MS = 4

async function decodeStepMs(
  bench: Bench,
  sequences: readonly LlamaContextSequence[]
): Promise<number> {
  for (const sequence of sequences) await sequence.clearHistory()
  const options = { temperature: 0, yieldEogToken: true }
  const generators = sequences.map((sequence) => sequence.evaluate(someTokens(bench, 1), options))
  const step = () => Promise.all(generators.map((generator) => generator.next()))
  await step()
  const startedAt = performance.now()
  let steps = 0
  while (steps < STEPS && performance.now() - startedAt < STEPS_MS_MAX) {
    await step()
    steps++
  }
  const ms = (performance.now() - startedAt) / steps
  await Promise.all(generators.map((generator) => generator.return()))
  return ms
}

async function prefillRate(bench: Bench): Promise<number> {
  const sequence = bench.sequences[0]!
  let rate = 0
  for (const tokens of PREFILL_TOKENS) {
    await sequence.clearHistory()
    const startedAt = performance.now()
    await sequence.evaluateWithoutGeneratingNewTokens(someTokens(bench, tokens))
    const ms = performance.now() - startedAt
    rate = (tokens / ms) * 1000
    if (ms > PREFILL_MS_ENOUGH) break // a large model need not prove it twice
  }
  return rate
}

/** Makes a prompt of any tokens. */
function someTokens({ vocabularySize }: Bench, count: number): Token[] {
  return Array.from({ length: count }, (_, i) => i % Math.min(100, vocabularySize)).filter((id) =>
    isToken(id, vocabularySize)
  )
}
