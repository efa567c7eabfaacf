/**
 * Why models cannot run on a GPU, from what the library wrote before it died, in words that say
 * what to do. Pure.
 */
import type { GpuBackend } from '../../messages.ts'
import type { NvidiaGpu } from './nvidia.ts'

/**
 * The CUDA code that node-llama-cpp 3.22.1 ships: for these cards it is machine code, for others
 * text of CUDA 13.1, which the driver compiles if it knows that version.
 */
const NEEDS = { textDriver: 590, runtimeDriver: 580, cuda: 13 }

const CUDA_PACKAGES = `cuda-cudart-${NEEDS.cuda}-0 and libcublas-${NEEDS.cuda}-0`

type Fault = [
  telling: RegExp,
  reason: (match: RegExpExecArray, gpus: readonly NvidiaGpu[]) => string
]

const FAULTS: readonly Fault[] = [
  [
    /unsupported toolchain|unsupported PTX|PTX JIT compil/i,
    () => `this engine's CUDA code needs driver ${NEEDS.textDriver} or newer`
  ],
  [
    /driver version is insufficient|insufficient driver/i,
    () => `CUDA ${NEEDS.cuda} needs driver ${NEEDS.runtimeDriver} or newer`
  ],
  [/no kernel image/i, () => "this engine's CUDA code does not know this card"],
  [
    /(lib(?:cudart|cublas|cublasLt)\.so[.\d]*)/,
    ([, library]) =>
      `${library} is missing: install CUDA ${NEEDS.cuda}'s runtime ` +
      `(packages ${CUDA_PACKAGES} of NVIDIA's repository)`
  ],
  [/(libcuda\.so[.\d]*|nvcuda\.dll)/, ([, library]) => `${library} is missing: install the driver`],
  [/(libvulkan\.so[.\d]*|vulkan-1\.dll)/, ([, library]) => `${library} is missing`],
  [
    /out of memory|OutOfDeviceMemory|cudaMalloc failed|unable to allocate|failed to allocate/i,
    (_, gpus) => `its memory is taken${freeOf(gpus)}`
  ],
  // The line that says which error may be lost with the process that it ends.
  [
    /CUDA error/,
    (_, gpus) =>
      gpus.some(({ driver }) => parseInt(driver, 10) < NEEDS.textDriver)
        ? `its CUDA code failed, and on most cards it needs driver ${NEEDS.textDriver} or newer`
        : 'its CUDA code failed on this card'
  ],
  [/no CUDA-capable device|no devices? (?:were |was )?found/i, () => 'the driver shows no GPU here']
]

/** Null where the text tells of no fault that is known. */
export function gpuFault(text: string, gpus: readonly NvidiaGpu[] = []): string | null {
  for (const [telling, reason] of FAULTS) {
    const match = telling.exec(text)
    if (match !== null) return reason(match, gpus)
  }
  return null
}

function freeOf(gpus: readonly NvidiaGpu[]): string {
  if (gpus.length === 0) return ''
  const free = gpus.map(
    ({ freeBytes, totalBytes }) => `${gigabytes(freeBytes)} of ${gigabytes(totalBytes)}`
  )
  return ` (${free.join(', ')} free)`
}

const gigabytes = (bytes: number): string => `${Number((bytes / 1e9).toPrecision(3))} GB`

export const BACKEND_NAMES: Record<GpuBackend, string> = {
  cuda: 'CUDA',
  vulkan: 'Vulkan',
  metal: 'Metal'
}
