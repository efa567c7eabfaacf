/**
 * The slots, each with its own cache: the slot that a prompt gets, and the tokens of the prompt
 * that its cache holds already. The choices are pure and stand in other files; here they meet the
 * caches.
 */
import type { KvTokens } from '../../messages.ts'
import type { Driver } from '../driver.ts'
import type { Token } from '../vocabulary.ts'
import { chooseSource } from './prefix-source.ts'
import { chooseSlot } from './slot-choice.ts'
import type { ScopedPrompt, Task } from './task.ts'

export interface Slot {
  index: number
  /** The time at which its last task ended; 0 if there was none. */
  usedAt: number
  /** The scope of the prompt that its cache holds. */
  cacheScope: string
  task: Task | null
}

/** The tokens in the caches, of tasks that run and of tasks that have ended. */
export function kvTokensOf(slots: readonly Slot[], driver: Driver): KvTokens {
  let [runningTokens, keptTokens] = [0, 0]
  for (const { task, index } of slots) {
    if (task === null) keptTokens += driver.cachedTokens(index)
    else runningTokens += driver.cachedTokens(index)
  }
  return { runningTokens, keptTokens }
}

/** The free slot for a prompt, or null when all are taken. */
export function slotFor(prompt: ScopedPrompt, slots: readonly Slot[], driver: Driver): Slot | null {
  const free = slots.filter((slot) => slot.task === null)
  const index = chooseSlot(
    free.map((slot) => ({
      index: slot.index,
      usedAt: slot.usedAt,
      cachedTokens: driver.cachedTokens(slot.index),
      sharedTokens: sharedWith(prompt, slot, driver)
    })),
    slots.length - free.length
  )
  return index === null ? null : slots[index]!
}

/**
 * Leaves in the slot's cache what it shares with the prompt, or copies it there from a slot that
 * has more; between two steps no slot's cache changes. Resolves to the tokens that are still to
 * compute.
 */
export async function reuseCache(
  slot: Slot,
  prompt: ScopedPrompt,
  slots: readonly Slot[],
  driver: Driver
): Promise<Token[]> {
  const { tokens, cacheScope, isReadWhole } = prompt
  if (isReadWhole) {
    await driver.clear(slot.index)
    slot.cacheScope = cacheScope
    return tokens
  }
  const holders = slots.map((each) => {
    return { index: each.index, sharedTokens: sharedWith(prompt, each, driver) }
  })
  const source = chooseSource(
    holders[slot.index]!,
    holders.filter(({ index }) => index !== slot.index)
  )
  if (slot.cacheScope !== cacheScope) await driver.clear(slot.index)
  slot.cacheScope = cacheScope
  if (source !== null) await driver.copyPrefix(slot.index, source.index, source.sharedTokens)
  // At least one token must be computed, or there is nothing to draw the next one from.
  return tokens.slice(await driver.keepShared(slot.index, tokens.slice(0, -1)))
}

const sharedWith = ({ tokens, cacheScope }: ScopedPrompt, slot: Slot, driver: Driver): number =>
  slot.cacheScope === cacheScope ? driver.sharedTokens(slot.index, tokens) : 0
