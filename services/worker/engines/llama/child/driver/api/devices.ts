/** The GPUs that llama.cpp has found, and their memory. */
import type koffi from 'koffi'
import type { Pointer } from './llama-api.ts'

interface Device {
  name: string
  description: string
  freeBytes: number
  totalBytes: number
}

interface DeviceFunctions {
  ggml_backend_dev_count(): number | bigint
  ggml_backend_dev_get(index: number): Pointer
  ggml_backend_dev_type(device: Pointer): number
  ggml_backend_dev_name(device: Pointer): string
  ggml_backend_dev_description(device: Pointer): string
  ggml_backend_dev_memory(device: Pointer, free: BigUint64Array, total: BigUint64Array): void
}

const PROTOTYPES: Record<keyof DeviceFunctions, string> = {
  ggml_backend_dev_count: 'size_t f()',
  ggml_backend_dev_get: 'void *f(size_t index)',
  ggml_backend_dev_type: 'int f(void *device)',
  ggml_backend_dev_name: 'const char *f(void *device)',
  ggml_backend_dev_description: 'const char *f(void *device)',
  ggml_backend_dev_memory: 'void f(void *device, _Out_ uint64_t *free, _Out_ uint64_t *total)'
}

/** Numbers of `enum ggml_backend_dev_type`: GPUs with memory of their own, and with the RAM's. */
const GPU_TYPES: ReadonlySet<number> = new Set([1, 2])

export class Devices {
  readonly #functions: DeviceFunctions

  /** Throws where the library lacks a function. */
  constructor(ggml: ReturnType<typeof koffi.load>) {
    const functions = Object.entries(PROTOTYPES).map(([name, prototype]) => {
      return [name, ggml.func(prototype.replace(/\bf\(/, `${name}(`))] as const
    })
    this.#functions = Object.fromEntries(functions) as unknown as DeviceFunctions
  }

  gpus(): Device[] {
    const f = this.#functions
    const all = Array.from({ length: Number(f.ggml_backend_dev_count()) }, (_, i) =>
      f.ggml_backend_dev_get(i)
    )
    return all
      .filter((device) => GPU_TYPES.has(f.ggml_backend_dev_type(device)))
      .map((device) => {
        const [free, total] = [new BigUint64Array(1), new BigUint64Array(1)]
        f.ggml_backend_dev_memory(device, free, total)
        return {
          name: f.ggml_backend_dev_name(device),
          description: f.ggml_backend_dev_description(device),
          freeBytes: Number(free[0]),
          totalBytes: Number(total[0])
        }
      })
  }

  /** The memory that all programs on this machine take of the GPUs. */
  usedBytes(): number {
    return this.gpus().reduce((sum, { freeBytes, totalBytes }) => sum + totalBytes - freeBytes, 0)
  }

  freeBytes(): number {
    return this.gpus().reduce((sum, { freeBytes }) => sum + freeBytes, 0)
  }
}
