/**
 * The slots, each with its own cache: the slot that a prompt gets, and the tokens of the prompt
 * that its cache holds already. The choices are pure and stand in other files; here they meet the
 * caches.
 */
import type { Token } from '../vocabulary.ts'
import type { KvTokens } from '../../messages.ts'
import { chooseSource, type CopyPrefix } from './prefix-copy.ts'
import type { Sequence } from './sequence.ts'
import { chooseSlot } from './slot-choice.ts'
import type { Task } from './task.ts'

export interface Slot {
  index: number
  sequence: Sequence
  /** The time at which its last task ended; 0 if there was none. */
  usedAt: number
  task: Task | null
}

/** The tokens in the caches, of tasks that run and of tasks that have ended. */
export function kvTokensOf(slots: readonly Slot[]): KvTokens {
  let [runningTokens, keptTokens] = [0, 0]
  for (const { task, sequence } of slots) {
    if (task === null) keptTokens += sequence.nextTokenIndex
    else runningTokens += sequence.nextTokenIndex
  }
  return { runningTokens, keptTokens }
}

/** The free slot for a prompt, or null when all are taken. */
export function slotFor(tokens: Token[], slots: readonly Slot[]): Slot | null {
  const free = slots.filter((slot) => slot.task === null)
  const index = chooseSlot(
    free.map((slot) => ({
      index: slot.index,
      usedAt: slot.usedAt,
      cachedTokens: slot.sequence.nextTokenIndex,
      sharedTokens: sharedWith(tokens, slot)
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
  tokens: Token[],
  slots: readonly Slot[],
  copyPrefix: CopyPrefix<Sequence> | undefined
): Promise<Token[]> {
  if (copyPrefix !== undefined) await copyToSlot(slot, tokens, slots, copyPrefix)
  // At least one token must be computed, or there is nothing to draw the next one from.
  await slot.sequence.adaptStateToTokens(tokens.slice(0, -1), false)
  return tokens.slice(slot.sequence.nextTokenIndex)
}

async function copyToSlot(
  slot: Slot,
  tokens: Token[],
  slots: readonly Slot[],
  copyPrefix: CopyPrefix<Sequence>
): Promise<void> {
  const holderOf = (each: Slot) => ({ index: each.index, sharedTokens: sharedWith(tokens, each) })
  const others = slots.filter((other) => other !== slot).map(holderOf)
  const source = chooseSource(holderOf(slot), others)
  if (source === null) return
  await copyPrefix(slot.sequence, slots[source.index]!.sequence, source.sharedTokens)
}

/** How many tokens the slot's cache and the prompt have in common at their start. */
const sharedWith = (tokens: Token[], { sequence }: Slot): number =>
  sequence.compareContextTokens(tokens).firstDifferentIndex
