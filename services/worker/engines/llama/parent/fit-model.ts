/** The memory that a model file would take with the largest context that fits. Pure. */
import type { Memory } from '#shared/contracts/peers/peers.ts'
import { modestShare, poolOf, slotsMost, type Requirements } from '../../../memory/context-costs.ts'
import {
  bytesTaken,
  fitContext,
  type ContextSize,
  type ContextWish
} from '../../../memory/fit-context.ts'
import type { InspectedModel } from '../inspection.ts'

interface FittedModel extends ContextSize {
  memory: Memory
}

/**
 * Node, the library and its buffers, whatever the model; measured on Linux with a model of 1 MB.
 */
const PROCESS_BYTES = 160e6

interface FitWish extends Pick<ContextWish, 'slots' | 'contextTokens'> {
  /** The models of this worker, which share the memory. */
  models: number
}

/** Returns null where not even one slot of the smallest context fits. */
export function fitModel(model: InspectedModel, most: Memory, wish: FitWish): FittedModel | null {
  const { trainedTokens, onGpu, weights, contexts } = model
  const { slots, contextTokens, models } = wish
  const pool = (kind: keyof Requirements, bytes: number) =>
    poolOf(contexts, kind, {
      freeBytes: bytes - weights[kind],
      modestShare: modestShare(kind, models)
    })
  const ram = pool('cpuRam', most.ramBytes - PROCESS_BYTES)
  const vram = pool('gpuVram', most.vramBytes)
  const size = fitContext(
    { trainedTokens, slotsMost: slotsMost(onGpu), shared: models > 1, slots, contextTokens },
    onGpu ? [ram, vram] : [ram]
  )
  if (size === null) return null
  const memory = {
    ramBytes: PROCESS_BYTES + Math.ceil(weights.cpuRam) + bytesTaken(ram, size),
    vramBytes: Math.ceil(weights.gpuVram) + bytesTaken(vram, size)
  }
  return { ...size, memory }
}
