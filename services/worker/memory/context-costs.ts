/**
 * The memory that contexts of a model take, from three measurements of small ones: what is needed
 * in any case, for each token, and for each token of each slot. Pure.
 */
import type { MemoryPool } from './fit-context.ts'

/** Bytes, as the library estimates them. */
export interface Requirements {
  cpuRam: number
  gpuVram: number
}

/** Contexts of one slot with `tokens` and with half of them, and of two slots with half of them. */
export interface ContextCosts {
  tokens: number
  whole: Requirements
  half: Requirements
  twoHalves: Requirements
}

/**
 * A model with a sliding window needs more for each token up to the window than beyond it, so the
 * measured contexts are longer than usual windows.
 */
const MEASURED_TOKENS = 16_384

type Measure = (size: { contextTokens: number; slots: number }) => Promise<Requirements>

export async function measureContexts(
  trainedTokens: number,
  measure: Measure
): Promise<ContextCosts> {
  const tokens = Math.min(MEASURED_TOKENS, Math.max(1024, trainedTokens))
  const half = Math.floor(tokens / 2)
  return {
    tokens,
    whole: await measure({ contextTokens: tokens, slots: 1 }),
    half: await measure({ contextTokens: half, slots: 1 }),
    twoHalves: await measure({ contextTokens: half, slots: 2 })
  }
}

/**
 * `freeBytes`: what is left beside the weights. `modestShare` of it is taken without having been
 * asked for.
 */
export function poolOf(
  costs: ContextCosts,
  kind: keyof Requirements,
  { freeBytes, modestShare }: { freeBytes: number; modestShare: number }
): MemoryPool {
  const half = Math.floor(costs.tokens / 2)
  const [whole, single, double] = [costs.whole[kind], costs.half[kind], costs.twoHalves[kind]]
  const perToken = Math.max(0, (whole - single) / (costs.tokens - half))
  const bytesPerSlotToken = Math.min(perToken, Math.max(0, (double - single) / half))
  return {
    freeBytes,
    modestBytes: freeBytes * modestShare,
    bytesPerSlotToken,
    bytesPerToken: perToken - bytesPerSlotToken,
    fixedBytes: Math.max(0, single - perToken * half)
  }
}

/** Models do not fill the RAM of a machine that its owner works on; VRAM has no other use. */
const MODEST = { cpuRam: 0.5, gpuVram: 1 }

/** `models`: how many of this worker share the memory. */
export const modestShare = (kind: keyof Requirements, models: number): number =>
  MODEST[kind] / models

/** More answers at a time are added up to here, where the owner says nothing. */
const SLOTS_MOST = { cpu: 16, gpu: 32 }
export const slotsMost = (onGpu: boolean): number => (onGpu ? SLOTS_MOST.gpu : SLOTS_MOST.cpu)
