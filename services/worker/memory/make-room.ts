/**
 * What to unload so that a model fits into the memory budget. Pure: who is in memory goes in, names
 * come out.
 *
 * Least recently used goes first, never what is pinned or has requests. What need not go stays: of
 * the models that would go, those whose memory is not missed after all are kept.
 */
import type { Memory } from '#shared/contracts/peers/peers.ts'

/** A model in memory, or on its way there. */
export interface Resident {
  readonly name: string
  readonly memory: Memory
  readonly pinned: boolean
  /** It has requests, or is being loaded for some. */
  readonly busy: boolean
  readonly lastUsedAt: number
}

export type Room =
  | { kind: 'fits'; unload: string[] }
  /** It will, when those who are busy have finished. */
  | { kind: 'wait' }
  /** Not beside what is pinned; `most` is what there is for it. */
  | { kind: 'never'; most: Memory }

export const NO_MEMORY: Memory = { ramBytes: 0, vramBytes: 0 }

export function makeRoom(need: Memory, residents: readonly Resident[], budget: Memory): Room {
  const most = roomBeside(residents, budget)
  // What is pinned may take more than the budget; a model that needs no VRAM does not mind that of VRAM.
  const bound = plus(most, sum(residents.filter(({ pinned }) => pinned)))
  if (!within(need, most)) return { kind: 'never', most }
  const idle = residents
    .filter(({ pinned, busy }) => !pinned && !busy)
    .toSorted((a, b) => a.lastUsedAt - b.lastUsedAt)
  const unload = new Set<Resident>()
  const fits = () => within(plus(need, sum(residents.filter((each) => !unload.has(each)))), bound)
  for (const resident of idle) {
    if (fits()) break
    unload.add(resident)
  }
  if (!fits()) return { kind: 'wait' }
  for (const resident of idle.toReversed()) {
    if (!unload.delete(resident)) continue
    if (!fits()) unload.add(resident)
  }
  return { kind: 'fits', unload: [...unload].map(({ name }) => name) }
}

/** What a model may take at most: the budget without what is pinned. */
export function roomBeside(residents: readonly Resident[], budget: Memory): Memory {
  const pinned = sum(residents.filter((resident) => resident.pinned))
  return {
    ramBytes: Math.max(0, budget.ramBytes - pinned.ramBytes),
    vramBytes: Math.max(0, budget.vramBytes - pinned.vramBytes)
  }
}

export const within = (need: Memory, most: Memory): boolean =>
  need.ramBytes <= most.ramBytes && need.vramBytes <= most.vramBytes

const plus = (a: Memory, b: Memory): Memory => ({
  ramBytes: a.ramBytes + b.ramBytes,
  vramBytes: a.vramBytes + b.vramBytes
})

const sum = (residents: readonly Resident[]): Memory =>
  residents.reduce((total, { memory }) => plus(total, memory), NO_MEMORY)
