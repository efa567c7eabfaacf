/** Measures what the machine does with a model that was just loaded. */
import type { Calibration } from '../load-model.ts'
import type { Drawing, DrawOptions, Part } from '../driver.ts'
import { isToken } from '../tokens.ts'
import type { Token } from '../vocabulary.ts'
import type { Threads } from './native-context.ts'
import type { NativeDriver } from './native-driver.ts'

interface Bench {
  threads: Threads
  vocabularySize: number
}

const STEPS_MIN = 3
const STEPS_MAX = 12
const STEPS_MS_MAX = 150
/** The first piece is not counted: memory and kernels are touched the first time. */
const PROMPTS = [16, 32, 128]
const PROMPT_MS_ENOUGH = 50

export async function measure(driver: NativeDriver, bench: Bench): Promise<Calibration> {
  const { slots } = driver
  const oneMs = await decodeStepMs(driver, 1, bench)
  const allMs = slots === 1 ? oneMs : await decodeStepMs(driver, slots, bench)
  const prefill = await prefillRate(driver, bench)
  await clear(driver)
  return {
    threads: bench.threads.many,
    rates: { prefill, decode: (slots / allMs) * 1000 },
    decodeSteps: [
      [1, oneMs],
      [slots, allMs]
    ]
  }
}

async function decodeStepMs(driver: NativeDriver, slots: number, bench: Bench): Promise<number> {
  await clear(driver)
  const drawings = Array.from({ length: slots }, (_, slot) => driver.draw(slot, GREEDY))
  const step = () => compute(driver, partsOf(drawings, bench))
  await step()
  const startedAt = performance.now()
  let steps = 0
  while (steps < STEPS_MAX) {
    await step()
    steps++
    if (steps >= STEPS_MIN && performance.now() - startedAt > STEPS_MS_MAX) break
  }
  const ms = (performance.now() - startedAt) / steps
  await Promise.all(drawings.map((drawing) => drawing.close()))
  return ms
}

const GREEDY: DrawOptions = {
  sampling: { temperature: 0 },
  bias: new Map(),
  promptTokens: [],
  answerTokens: [],
  grammar: () => undefined
}

const partsOf = (drawings: readonly Drawing[], bench: Bench): Part[] =>
  drawings.map((drawing, slot) => ({ slot, tokens: someTokens(1, bench), drawing }))

async function prefillRate(driver: NativeDriver, bench: Bench): Promise<number> {
  let rate = 0
  for (const [i, count] of PROMPTS.entries()) {
    await driver.clear(0)
    const startedAt = performance.now()
    await compute(driver, [{ slot: 0, tokens: someTokens(count, bench), drawing: null }])
    const ms = performance.now() - startedAt
    rate = (count / ms) * 1000
    if (i > 0 && ms > PROMPT_MS_ENOUGH) break // a large model need not prove it twice
  }
  return rate
}

async function compute(driver: NativeDriver, parts: readonly Part[]): Promise<void> {
  for (const outcome of await driver.compute(parts)) {
    if (outcome !== null && 'error' in outcome) throw outcome.error
  }
}

async function clear(driver: NativeDriver): Promise<void> {
  for (let slot = 0; slot < driver.slots; slot++) await driver.clear(slot)
}

function someTokens(count: number, { vocabularySize }: Bench): Token[] {
  const ids = Array.from({ length: count }, (_, i) => i % Math.min(100, vocabularySize))
  return ids.filter((id) => isToken(id, vocabularySize))
}
