/**
 * Decides which models to unload so that another one fits into the memory budget. Pure: the
 * models in memory go in, names come out.
 *
 * The least recently used model goes first, never one that is pinned or has requests. A second
 * pass keeps those of the chosen models whose memory turns out not to be needed.
 */
import type { Memory } from '#shared/contracts/peers/peers.ts'

/** A model in memory. */
export interface Resident {
  readonly name: string
  readonly memory: Memory
  readonly pinned: boolean
  /** True while requests use it, and when it was loaded for them just now. */
  readonly busy: boolean
  readonly lastUsedAt: number
}

type Room =
  | { kind: 'fits'; unload: string[] }
  /** It will fit when the requests of busy models have ended. */
  | { kind: 'wait' }
  /** It does not fit beside the pinned models, which leave it `most`. */
  | { kind: 'never'; most: Memory }

export const NO_MEMORY: Memory = { ramBytes: 0, vramBytes: 0 }

export function makeRoom(need: Memory, residents: readonly Resident[], budget: Memory): Room {
  const most = roomBeside(residents, budget)
  // Pinned models may exceed the budget; a model that needs no VRAM still fits beside them then.
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

/** The most that a model on demand may take: the budget without the pinned models. */
export function roomBeside(residents: readonly Resident[], budget: Memory): Memory {
  const pinned = sum(residents.filter((resident) => resident.pinned))
  return {
    ramBytes: Math.max(0, budget.ramBytes - pinned.ramBytes),
    vramBytes: Math.max(0, budget.vramBytes - pinned.vramBytes)
  }
}

const within = (need: Memory, most: Memory): boolean =>
  need.ramBytes <= most.ramBytes && need.vramBytes <= most.vramBytes

const plus = (a: Memory, b: Memory): Memory => ({
  ramBytes: a.ramBytes + b.ramBytes,
  vramBytes: a.vramBytes + b.vramBytes
})

const sum = (residents: readonly Resident[]): Memory =>
  residents.reduce((total, { memory }) => plus(total, memory), NO_MEMORY)
