/** Steps that no request asked for: to measure a model, or to load its kernels. */
import type { DrawOptions, Driver, Part } from './driver.ts'

export const GREEDY: DrawOptions = {
  sampling: { temperature: 0 },
  bias: new Map(),
  promptTokens: [],
  answerTokens: [],
  grammar: () => undefined
}

/** Throws what any of the parts throws. */
export async function compute(driver: Driver, parts: readonly Part[]): Promise<void> {
  for (const outcome of await driver.compute(parts)) {
    if (outcome !== null && 'error' in outcome) throw outcome.error
  }
}
