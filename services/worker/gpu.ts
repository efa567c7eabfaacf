/** The GPUs of this machine as its models may use them: found out once, when first asked for. */
import { existsSync } from 'node:fs'
import { inspect } from './engines/llama/parent/inspect.ts'
import { chooseGpu, type ChosenGpu } from './engines/llama/parent/gpu/choose-gpu.ts'
import type { GpuSetting } from './engines/llama/parent/gpu/gpu-setting.ts'
import { bytesOfKernels } from './engines/llama/parent/gpu/kernel-cache.ts'
import { nvidiaGpus } from './engines/llama/parent/gpu/nvidia.ts'
import { BUILTIN_FILE } from './models/sources/model-uri.ts'

interface LookAtGpuOptions {
  setting: GpuSetting
  /** Where kernels that the driver compiles are kept between starts. */
  kernelCache: string
  /** Called with lines for whoever watches the start. */
  onNote: (note: string) => void
}

/** Tries the GPU once, when the returned function is first called. */
export function lookAtGpu({ setting, kernelCache, onNote }: LookAtGpuOptions) {
  let looking: Promise<ChosenGpu> | null = null
  const look = async () => {
    const before = bytesOfKernels(kernelCache)
    let compiles = false
    const progress = () => {
      const bytes = bytesOfKernels(kernelCache)
      if (bytes > before && !compiles) onNote('compiling kernels for this GPU, once')
      compiles ||= bytes > before
      return bytes
    }
    const chosen = await chooseGpu(
      { ...setting, kernelCache },
      {
        mayHaveGpu,
        nvidiaGpus,
        platform: process.platform,
        async tryBackend(gpu, on) {
          return inspect({ ...on, gpu }, { tryModel: BUILTIN_FILE, progress })
        }
      }
    )
    if (chosen.note !== null) onNote(`GPU: ${chosen.note}`)
    return chosen
  }
  return (): Promise<ChosenGpu> => (looking ??= look())
}

/** Devices and files that drivers of GPUs make on Linux; elsewhere there is always one to try. */
const SIGNS = ['/dev/nvidiactl', '/proc/driver/nvidia', '/usr/local/nvidia', '/dev/dxg', '/dev/kfd']
const RENDERERS = '/dev/dri'

function mayHaveGpu(): boolean {
  return process.platform !== 'linux' || [...SIGNS, RENDERERS].some((path) => existsSync(path))
}
