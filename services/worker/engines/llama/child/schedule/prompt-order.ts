/**
 * Which prompts get the tokens of a step. The earliest is read first: sharing among equals would
 * make all of them late. But a prompt that is much shorter than the earliest does not wait behind
 * it: such prompts take up to half of each step, the shortest first. So whoever is the earliest
 * gets half of all tokens at least, and everybody is the earliest in the end.
 */
import { TILE_TOKENS } from './piece-costs.ts'
import { PROMPT_STEP_TOKENS_MAX } from './prompt-budget.ts'

export interface WaitingPrompt<Key> {
  key: Key
  arrivedAt: number
  /** Tokens still to read. */
  rest: number
}

/**
 * The tokens of each prompt that is read in a step of so many; those that wait are left out. Short
 * ones come on top of whole tiles, which cost as much when they are not full.
 */
export function sharesOf<Key>(
  prompts: readonly WaitingPrompt<Key>[],
  tokens: number
): Map<Key, number> {
  const shares = new Map<Key, number>()
  const give = ({ key, rest }: WaitingPrompt<Key>, most: number): number => {
    const given = shares.get(key) ?? 0
    const piece = Math.max(0, Math.min(most, rest - given))
    if (piece > 0) shares.set(key, given + piece)
    return piece
  }
  const byArrival = prompts.toSorted((a, b) => a.arrivedAt - b.arrivedAt)
  const [earliest] = byArrival
  if (earliest === undefined) return shares
  const most = Math.floor(tokens * SHORT_SHARE)
  let forShort = most
  const short = byArrival.filter(({ rest }) => rest <= earliest.rest * MUCH_SHORTER)
  for (const prompt of short.toSorted((a, b) => a.rest - b.rest)) {
    forShort -= give(prompt, forShort)
  }
  const onTop = tokens < TILE_TOKENS ? 0 : Math.max(0, PROMPT_STEP_TOKENS_MAX - tokens)
  const taken = Math.max(0, most - forShort - onTop)
  let left = taken === 0 ? tokens : wholeTiles(tokens - taken)
  for (const prompt of byArrival) left -= give(prompt, left)
  return shares
}

const wholeTiles = (tokens: number): number =>
  tokens < TILE_TOKENS ? tokens : tokens - (tokens % TILE_TOKENS)

const SHORT_SHARE = 0.5
const MUCH_SHORTER = 0.25
