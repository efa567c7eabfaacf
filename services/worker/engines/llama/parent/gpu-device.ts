/** The device on which models run, as people write it: `auto`, `none`, or the number of one GPU. */
import { HaifError } from '#shared/errors.ts'
import type { GpuChoice } from '../messages.ts'

export interface GpuSetting {
  /** `auto`, the default, takes the best device; `false` is the CPU. */
  gpu?: GpuChoice | undefined
  /** The number of the only GPU to use, as the driver counts them; by default all are used. */
  gpuDevice?: number | undefined
}

const DEVICE_MAX = 63

export function parseGpu(text: string): GpuSetting {
  if (text === 'auto') return {}
  if (text === 'none') return { gpu: false }
  const device = Number(text)
  if (text !== '' && Number.isInteger(device) && device >= 0 && device <= DEVICE_MAX) {
    return { gpuDevice: device }
  }
  throw new HaifError(
    'CONFIG_INVALID',
    `--gpu ${text} cannot be used: ` +
      'it must be auto, none, or the number of one GPU, the first being 0'
  )
}

/**
 * The library has no setting for one GPU of several; the drivers read these variables:
 * https://docs.nvidia.com/cuda/cuda-c-programming-guide/#cuda-environment-variables; for Vulkan,
 * ggml-vulkan.cpp. Metal knows one device.
 */
export function deviceEnv({ gpuDevice }: GpuSetting): NodeJS.ProcessEnv {
  if (gpuDevice === undefined) return process.env
  const device = String(gpuDevice)
  return { ...process.env, CUDA_VISIBLE_DEVICES: device, GGML_VK_VISIBLE_DEVICES: device }
}
