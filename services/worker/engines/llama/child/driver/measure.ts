/**
 * Measures what the machine does with a model that was just loaded, within about a second, and
 * finds the numbers of threads to begin with. Every kind of step is made once without being
 * counted: the first one touches memory and loads kernels.
 */
import type { DecodeStepMs, Measured } from '../../messages.ts'
import type { Calibration } from '../load-model.ts'
import type { Drawing, Part } from '../driver.ts'
import { compute, GREEDY } from '../greedy-step.ts'
import { PROMPT_STEP_TOKENS_MAX } from '../schedule/prompt-budget.ts'
import { ThreadChoice, type ThreadCounts } from '../schedule/thread-choice.ts'
import { isToken } from '../tokens.ts'
import type { Token } from '../vocabulary.ts'
import type { NativeDriver } from './native-driver.ts'

interface Bench {
  threads: ThreadCounts
  /** Null where threads do not compute. */
  cores: number | null
  vocabularySize: number
  /** What was measured at an earlier start. */
  known?: Measured | undefined
}

export async function measure(driver: NativeDriver, bench: Bench): Promise<Calibration> {
  const found = (await stillKnown(driver, bench)) ?? (await measureAll(driver, bench))
  driver.setThreads(found.threads)
  for (let slot = 0; slot < driver.slots; slot++) await driver.clear(slot)
  const { threads, steps, prefill } = found
  const [together, togetherMs] = steps.at(-1)!
  return {
    threads: threads.many,
    rates: { prefill, decode: (together / togetherMs) * 1000 },
    decodeSteps: steps,
    ...(bench.cores === null
      ? {} // a device is measured faster than its kernels are loaded, and they have to be
      : { choice: new ThreadChoice(bench.cores, threads), measured: found })
  }
}

/** What is known from an earlier start, if a step takes about as long as it took then. */
async function stillKnown(driver: NativeDriver, bench: Bench): Promise<Measured | null> {
  const { known, cores } = bench
  if (known === undefined || cores === null || known.threads.many > cores) return null
  driver.setThreads(known.threads)
  const ratio = (await decodeStepMs(driver, 1, bench)) / known.steps[0]![1]
  return Math.max(ratio, 1 / ratio) <= ABOUT ? known : null
}

const ABOUT = 1.25

async function measureAll(driver: NativeDriver, bench: Bench): Promise<Measured> {
  const first = await measureWith(driver, bench)
  return bench.cores === null ? first : chooseThreads(driver, bench, first)
}

async function measureWith(driver: NativeDriver, bench: Bench): Promise<Measured> {
  driver.setThreads(bench.threads)
  const oneMs = await decodeStepMs(driver, 1, bench)
  const together = Math.max(1, Math.min(driver.slots, Math.floor(TOGETHER_MS_MAX / oneMs)))
  const steps: Measured['steps'] = [[1, oneMs]]
  if (together > 1) steps.push([together, await decodeStepMs(driver, together, bench)])
  return { threads: bench.threads, steps, prefill: await prefillRate(driver, bench) }
}

/**
 * Batches and prompts get all cores where that is faster. Single tokens leave one free, for those
 * that wait for each token, unless they gain a lot from it. A small model is faster on one core
 * alone: its threads would only wait for each other.
 */
async function chooseThreads(
  driver: NativeDriver,
  bench: Bench,
  first: Measured
): Promise<Measured> {
  let best = first
  const [, oneMs] = first.steps[0]!
  const all = bench.cores!
  if (bench.threads.one > 1 && oneMs < SMALL_MS) {
    const alone = { ...bench, threads: { one: 1, many: 1 } }
    best = faster(best, await measureWith(driver, alone))
  }
  if (oneMs < SMALL_MS || all === bench.threads.many) return best
  const { one } = best.threads
  // Measuring a large model again would take long, and it gains from every core.
  if (oneMs > LARGE_MS) best = { ...best, threads: { one, many: all } }
  else best = faster(best, await measureWith(driver, { ...bench, threads: { one, many: all } }))
  return withFasterOne(driver, bench, best)
}

async function withFasterOne(
  driver: NativeDriver,
  bench: Bench,
  best: Measured
): Promise<Measured> {
  const threads = { ...best.threads, one: bench.cores! }
  if (threads.many < threads.one) return best
  driver.setThreads(threads)
  const ms = await decodeStepMs(driver, 1, bench)
  const [[, knownMs], ...others] = best.steps as [DecodeStepMs, ...DecodeStepMs[]]
  return knownMs < ms * A_LOT ? best : { ...best, threads, steps: [[1, ms], ...others] }
}

const A_LOT = 1.12

/** By prompts, and by as many answers as were measured. */
function faster(known: Measured, other: Measured): Measured {
  const gain = (known.steps.at(-1)![1] / other.steps.at(-1)![1]) * (other.prefill / known.prefill)
  return gain > CLEARLY * CLEARLY ? other : known
}

const CLEARLY = 1.05
/** A step for one answer of a model so small that threads cost more than they bring. */
const SMALL_MS = 1
const LARGE_MS = 60
/** The longest step of answers, were they computed one after the other. */
const TOGETHER_MS_MAX = 400
const STEPS_MIN = 2
const STEPS_MAX = 12
const STEPS_MS_MAX = 100
const PROMPT_TOKENS = [16, 64, 256, PROMPT_STEP_TOKENS_MAX]
/** A model that takes so long for a prompt is not given a longer one. */
const PROMPT_MS_ENOUGH = 40

async function decodeStepMs(driver: NativeDriver, slots: number, bench: Bench): Promise<number> {
  for (let slot = 0; slot < slots; slot++) await driver.clear(slot)
  const drawings = Array.from({ length: slots }, (_, slot) => driver.draw(slot, GREEDY))
  const parts: Part[] = drawings.map((drawing: Drawing, slot) => {
    return { slot, tokens: someTokens(1, bench), drawing }
  })
  await compute(driver, parts)
  const startedAt = performance.now()
  let steps = 0
  while (steps < STEPS_MAX) {
    await compute(driver, parts)
    steps++
    if (steps >= STEPS_MIN && performance.now() - startedAt > STEPS_MS_MAX) break
  }
  const ms = (performance.now() - startedAt) / steps
  await Promise.all(drawings.map((drawing) => drawing.close()))
  return ms
}

/** Rises with the length of the piece, so the longest that takes little time is measured. */
async function prefillRate(driver: NativeDriver, bench: Bench): Promise<number> {
  let rate = 0
  for (const most of PROMPT_TOKENS) {
    const tokens = someTokens(Math.min(most, driver.contextTokens - 1), bench)
    let ms = await promptMs(driver, tokens)
    // A device that loads kernels takes seconds for what it then does in milliseconds.
    if (ms < PROMPT_MS_ENOUGH || bench.cores === null) ms = await promptMs(driver, tokens)
    rate = (tokens.length / ms) * 1000
    if (ms > PROMPT_MS_ENOUGH) break
  }
  return rate
}

async function promptMs(driver: NativeDriver, tokens: readonly Token[]): Promise<number> {
  await driver.clear(0)
  const startedAt = performance.now()
  await compute(driver, [{ slot: 0, tokens, drawing: null }])
  return performance.now() - startedAt
}

function someTokens(count: number, { vocabularySize }: Bench): Token[] {
  const ids = Array.from({ length: count }, (_, i) => i % Math.min(100, vocabularySize))
  return ids.filter((id) => isToken(id, vocabularySize))
}
