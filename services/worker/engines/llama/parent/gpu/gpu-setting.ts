/**
 * The device on which models run, as people write it: `auto`, `none`, a backend, or the numbers of
 * some GPUs.
 */
import { HaifError } from '#shared/errors.ts'
import type { GpuBackend, GpuChoice } from '../../messages.ts'

export interface GpuSetting {
  /** `auto`, the default, takes the best device; `false` is the CPU. */
  gpu?: GpuChoice | undefined
  /** The numbers of the only GPUs to use, as the driver counts them; by default all are used. */
  gpuDevices?: readonly number[] | undefined
  /** Where kernels that the driver compiles at their first use are kept. */
  kernelCache?: string | undefined
  /** Computes through `node-llama-cpp` even where llama.cpp can be called directly. */
  driver?: 'library' | undefined
}

/** True where the owner has named a device or a backend. */
export const isWished = ({ gpu, gpuDevices }: GpuSetting): boolean =>
  gpuDevices !== undefined || (gpu !== undefined && gpu !== 'auto' && gpu !== false)

const DEVICE_MAX = 63
const BACKENDS: readonly GpuBackend[] = ['cuda', 'vulkan', 'metal']

export function parseGpu(text: string): GpuSetting {
  if (text === 'auto') return {}
  if (text === 'none') return { gpu: false }
  const backend = BACKENDS.find((each) => each === text)
  if (backend !== undefined) return { gpu: backend }
  const gpuDevices = [...new Set(text.split(',').map((part) => deviceNumber(part.trim())))]
  if (!gpuDevices.includes(NaN)) return { gpuDevices }
  throw new HaifError(
    'CONFIG_INVALID',
    `--gpu ${text} cannot be used: it must be auto, none, ${BACKENDS.join(', ')}, ` +
      'or the numbers of GPUs as 0 or 0,1, the first being 0'
  )
}

function deviceNumber(text: string): number {
  return /^\d{1,2}$/.test(text) && Number(text) <= DEVICE_MAX ? Number(text) : NaN
}

/** The most that drivers take; the default holds the kernels of hardly more than one model. */
const KERNEL_CACHE_BYTES_MAX = 4 * 1024 ** 3

/**
 * The library has no setting for some GPUs of several; the drivers read these variables:
 * https://docs.nvidia.com/cuda/cuda-c-programming-guide/#cuda-environment-variables; for Vulkan,
 * ggml-vulkan.cpp. Metal knows one device.
 */
export function deviceEnv({ gpuDevices, kernelCache }: GpuSetting): NodeJS.ProcessEnv {
  const devices = gpuDevices?.join(',')
  return {
    CUDA_DEVICE_ORDER: 'PCI_BUS_ID', // as nvidia-smi counts them
    ...(kernelCache === undefined
      ? {}
      : { CUDA_CACHE_PATH: kernelCache, CUDA_CACHE_MAXSIZE: String(KERNEL_CACHE_BYTES_MAX) }),
    ...process.env,
    ...(devices === undefined
      ? {}
      : { CUDA_VISIBLE_DEVICES: devices, GGML_VK_VISIBLE_DEVICES: devices })
  }
}
