/** The context to look for, from what the owner asked for, the file, and the worker's budget. */
import { slotsMost } from '../../../memory/context-costs.ts'
import type { ContextWish } from '../../../memory/fit-context.ts'
import type { LoadOptions } from '../messages.ts'

interface KnownOfModel {
  trainedTokens: number
  onGpu: boolean
}

/** The budget bounds the context; what the memory holds when the model is loaded may be less. */
export function contextWish(
  { slots, contextTokens, models, most }: LoadOptions,
  { trainedTokens, onGpu }: KnownOfModel
): ContextWish {
  return {
    trainedTokens: Math.min(trainedTokens, most?.contextTokens ?? Infinity),
    slotsMost: most?.slots ?? slotsMost(onGpu),
    shared: models > 1,
    slots,
    contextTokens
  }
}
