/** The memory that a model file would take with the largest context that fits. Pure. */
import type { Memory } from '#shared/contracts/peers/peers.ts'
import { modestShare, poolOf, slotsMost, type Requirements } from '../../../memory/context-costs.ts'
import {
  bytesTaken,
  fitContext,
  type ContextSize,
  type ContextWish
} from '../../../memory/fit-context.ts'
import { CUDA_PROCESS_BYTES } from './gpu/process-memory.ts'
import type { InspectedModel } from '../inspection.ts'

interface FittedModel extends ContextSize {
  memory: Memory
}

/**
 * Node, the library and its buffers, whatever the model; measured on Linux with a model of 1 MB, on
 * the CPU and on an H200.
 */
const CPU_PROCESS = { ramBytes: 160e6, vramBytes: 0 }
const CUDA_PROCESS = { ramBytes: 640e6, vramBytes: CUDA_PROCESS_BYTES }

interface FitWish extends Pick<ContextWish, 'slots' | 'contextTokens'> {
  /** The models of this worker, which share the memory. */
  models: number
}

/** Returns null where not even one slot of the smallest context fits. */
export function fitModel(model: InspectedModel, most: Memory, wish: FitWish): FittedModel | null {
  const { trainedTokens, gpu, weights, contexts } = model
  const own = gpu === 'cuda' ? CUDA_PROCESS : CPU_PROCESS
  const onGpu = gpu !== false
  const { slots, contextTokens, models } = wish
  const pool = (kind: keyof Requirements, bytes: number) =>
    poolOf(contexts, kind, {
      freeBytes: bytes - weights[kind],
      modestShare: modestShare(kind, models)
    })
  const ram = pool('cpuRam', most.ramBytes - own.ramBytes)
  const vram = pool('gpuVram', most.vramBytes - own.vramBytes)
  const size = fitContext(
    { trainedTokens, slotsMost: slotsMost(onGpu), shared: models > 1, slots, contextTokens },
    onGpu ? [ram, vram] : [ram]
  )
  if (size === null) return null
  const memory = {
    ramBytes: own.ramBytes + Math.ceil(weights.cpuRam) + bytesTaken(ram, size),
    vramBytes: own.vramBytes + Math.ceil(weights.gpuVram) + bytesTaken(vram, size)
  }
  return { ...size, memory }
}
