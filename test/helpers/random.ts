/** Random numbers that can be repeated: a test prints its seed, and HAIF_SEED runs it again. */
import { randomInt } from 'node:crypto'
import process from 'node:process'

const SEED_MAX = 2 ** 31

export interface Random {
  readonly seed: number
  /** In [0, 1). */
  readonly next: () => number
  /** A whole number from `from` up to, and without, `to`. */
  readonly between: (from: number, to: number) => number
  readonly pick: <Item>(items: readonly Item[]) => Item
}

/** mulberry32 (Tommy Ettinger, public domain): 32 bits of state are enough to choose victims. */
export function seededRandom(seed = seedFromEnvironment()): Random {
  let state = seed
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const between = (from: number, to: number) => from + Math.floor(next() * (to - from))
  return { seed, next, between, pick: (items) => items[between(0, items.length)]! }
}

function seedFromEnvironment(): number {
  const given = process.env['HAIF_SEED']
  return given === undefined ? randomInt(SEED_MAX) : Number(given)
}
