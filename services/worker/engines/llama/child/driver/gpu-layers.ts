/** How many layers of a model go to the GPU: all that its free memory holds. */
import type { LoadOptions } from '../../messages.ts'
import type { OpenLlama } from './api/llama-libraries.ts'
import { readLayers } from './native-model.ts'

/** llama.cpp's number for "all". */
const ALL_LAYERS = -1

export function gpuLayersOf(llama: OpenLlama, options: LoadOptions, sizeBytes: number): number {
  const { backend, devices, api } = llama
  if (backend === false || !api.llama_supports_gpu_offload()) return 0
  if (options.gpuLayers !== undefined) return options.gpuLayers
  const room = devices.freeBytes() * WEIGHTS_SHARE - CONTEXT_BYTES
  if (sizeBytes <= room) return ALL_LAYERS
  if (room <= 0) return 0
  return Math.floor((readLayers(llama, options.modelPath) * room) / sizeBytes)
}

/** The rest is for the context, and for what the backend itself takes. */
const WEIGHTS_SHARE = 0.85
const CONTEXT_BYTES = 600e6
