/**
 * Computes steps of the sizes that requests will bring, before the model counts as ready. Where the
 * engine has no machine code for a card, its driver compiles each kernel when it is first used, for
 * seconds in which no answer gets a token. Kernels differ by the rows of a step.
 */
import type { Drawing, Driver } from './driver.ts'
import { compute, GREEDY } from './greedy-step.ts'
import type { Token } from './vocabulary.ts'

/** Tokens of one prompt in a step; a step has 512 at most. */
const PROMPT_TOKENS = [2, 8, 32, 64, 128, 256, 512]
/** Enough for two short prompts in every slot, whatever the context is. */
const SLOT_TOKENS_LEAST = 64

export async function warmUp(driver: Driver, slotTokens: number): Promise<void> {
  if (slotTokens < SLOT_TOKENS_LEAST) return
  for (const slots of doubling(driver.slots)) await decode(driver, slots)
  for (const tokens of PROMPT_TOKENS.filter((count) => count < slotTokens)) {
    await driver.clear(0)
    await compute(driver, [{ slot: 0, tokens: repeated(tokens), drawing: null }])
  }
  for (let slot = 0; slot < driver.slots; slot++) await driver.clear(slot)
}

/** 1, 2, 4, … and the most itself. */
function doubling(most: number): number[] {
  const counts: number[] = []
  for (let count = 1; count < most; count *= 2) counts.push(count)
  return [...counts, most]
}

/** One token of each slot, drawn as for an answer. */
async function decode(driver: Driver, slots: number): Promise<void> {
  const drawings = Array.from({ length: slots }, (_, slot) => driver.draw(slot, GREEDY))
  await compute(
    driver,
    drawings.map((drawing: Drawing, slot) => ({ slot, tokens: repeated(1), drawing }))
  )
  await Promise.all(drawings.map((drawing) => drawing.close()))
}

/** The first token of any vocabulary. */
const repeated = (count: number): Token[] => Array.from({ length: count }, () => 0 as Token)
