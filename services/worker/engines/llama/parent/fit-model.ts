/** The memory that a model file would take with the largest context that fits. Pure. */
import type { Memory } from '#shared/contracts/peers/peers.ts'
import { fitContext, type ContextSize, type MemoryPool } from '../../../memory/fit-context.ts'
import type { InspectedModel } from '../inspection.ts'

interface FittedModel extends ContextSize {
  memory: Memory
}

/**
 * Node, the library and its buffers, whatever the model; measured on Linux with a model of 1 MB.
 */
const PROCESS_BYTES = 160e6

/** Returns null where not even one slot of the smallest context fits. */
export function fitModel(model: InspectedModel, most: Memory): FittedModel | null {
  const ram = poolOf(model, 'cpuRam', most.ramBytes - PROCESS_BYTES)
  const vram = poolOf(model, 'gpuVram', most.vramBytes)
  const { slots, contextTokens } = model
  const size = fitContext({ slots, contextTokens, pools: [ram, vram] })
  if (size === null) return null
  const need = ({ fixedBytes, bytesPerToken }: MemoryPool, weights: number): number =>
    Math.ceil(weights + fixedBytes + bytesPerToken * size.slots * size.contextTokens)
  const memory = {
    ramBytes: PROCESS_BYTES + need(ram, model.weights.cpuRam),
    vramBytes: need(vram, model.weights.gpuVram)
  }
  return { ...size, memory }
}

function poolOf(model: InspectedModel, kind: 'cpuRam' | 'gpuVram', most: number): MemoryPool {
  const bytesPerToken = (model.contextOf2048[kind] - model.contextOf1024[kind]) / 1024
  return {
    freeBytes: most - model.weights[kind],
    bytesPerToken,
    fixedBytes: model.contextOf1024[kind] - bytesPerToken * 1024
  }
}
