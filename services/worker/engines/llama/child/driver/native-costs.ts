/** What a context of a model takes of each memory, from the shape in its header. */
import type { MemoryPool } from '../../../../memory/fit-context.ts'
import { modestShare } from '../../../../memory/context-costs.ts'
import { ramBytesFree } from '../../../../memory/ram.ts'
import type { LoadOptions } from '../../messages.ts'
import type { Devices } from './api/devices.ts'
import type { NativeModel } from './native-model.ts'

/** Bytes of one value in the cache; a block of 32 also has a scale of two bytes. */
const KV_BYTES = { f16: 2, q8_0: 34 / 32, q4_0: 18 / 32 }
/** Estimates are hints, and other programs need memory too. */
const RAM_SHARE = 0.8
const VRAM_SHARE = 0.9

export function memoryPools(
  model: NativeModel,
  { devices, gpuLayers, options }: { devices: Devices; gpuLayers: number; options: LoadOptions }
): MemoryPool[] {
  const { kv = 'f16', models, flashAttention } = options
  const onGpu = gpuLayers < 0 ? 1 : Math.min(1, gpuLayers / (model.layers + 1))
  const perSlotToken = model.cachedValues * KV_BYTES[kv]
  const perToken = maskBytes(model, flashAttention ?? true)
  const pool = (kind: 'cpuRam' | 'gpuVram', freeBytes: number, share: number): MemoryPool => ({
    freeBytes,
    modestBytes: freeBytes * modestShare(kind, models),
    bytesPerSlotToken: perSlotToken * share,
    bytesPerToken: share === 0 ? 0 : perToken,
    fixedBytes: stepBytes(model)
  })
  // Mapped weights count as free memory, but they have to stay.
  const ramFree = ramBytesFree() * RAM_SHARE - model.sizeBytes * (1 - onGpu)
  const ram = pool('cpuRam', ramFree, 1 - onGpu)
  return onGpu === 0 ? [ram] : [ram, pool('gpuVram', devices.freeBytes() * VRAM_SHARE, onGpu)]
}

/** Tokens that are computed at a time; the buffers of a step are made for them. */
export const BATCH_TOKENS = 512
const FLOAT_BYTES = 4

/** Which token may see which; without flash attention also how much, for each head. */
function maskBytes(model: NativeModel, flashAttention: boolean): number {
  const rows = flashAttention ? 1 : 1 + model.heads
  return BATCH_TOKENS * FLOAT_BYTES * rows
}

/** Hidden states between two layers, several times as wide in the middle of one. */
function stepBytes({ width }: NativeModel): number {
  return BATCH_TOKENS * FLOAT_BYTES * width * WIDEST
}

const WIDEST = 16
