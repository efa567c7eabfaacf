/**
 * Chance with a seed: every maker of chats draws from here, so one seed gives one corpus.
 */
import { xorshift } from './gguf/xorshift.ts'

export interface Draws {
  chance(probability: number): boolean
  /** Both ends included. */
  integer(min: number, max: number): number
  pick<Item>(items: readonly Item[]): Item
}

export function createDraws(seed: number): Draws {
  const random = xorshift(seed)
  return {
    chance: (probability) => random() < probability,
    integer: (min, max) => min + Math.floor(random() * (max - min + 1)),
    pick: (items) => items[Math.floor(random() * items.length)]!
  }
}

/** Fills every %x of a template with a draw of its own. */
export function fill(template: string, makers: Record<string, () => string>): string {
  return template.replace(/%(\w)/g, (whole, key: string) => makers[key]?.() ?? whole)
}
