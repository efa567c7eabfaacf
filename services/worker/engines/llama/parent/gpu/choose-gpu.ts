/**
 * Decides on which device this machine's models run, by fact: each backend must decode a token of
 * the built-in model in a process of its own. A library that loads, and even one that reports a
 * card, may have no code that the card's driver takes.
 */
import { HaifError } from '#shared/errors.ts'
import { reasonOf } from '#shared/kit/reason-of.ts'
import type { Inspection } from '../../inspection.ts'
import { InspectFailed } from '../inspect.ts'
import type { GpuBackend } from '../../messages.ts'
import { BACKEND_NAMES, gpuFault } from './gpu-faults.ts'
import { isWished, type GpuSetting } from './gpu-setting.ts'
import type { NvidiaGpu } from './nvidia.ts'

export interface ChosenGpu {
  /** Where models run; no `auto` any more. */
  setting: GpuSetting
  gpu: Inspection['gpu']
  /** Of the library; null where nothing was tried. */
  version: string | null
  /** What runs and why, in a line; null on a machine without a GPU. */
  note: string | null
  /** A GPU is here, and models run on less than it could do. */
  isFallback: boolean
}

interface GpuDeps {
  /** False where this machine shows no sign of a GPU: nothing is tried then. */
  mayHaveGpu: () => boolean
  nvidiaGpus: () => Promise<NvidiaGpu[]>
  /** Decodes a token there; rejects with what the library wrote. */
  tryBackend: (backend: GpuBackend, setting: GpuSetting) => Promise<Inspection>
  platform: NodeJS.Platform
}

interface Failure {
  backend: GpuBackend
  reason: string
}

export async function chooseGpu(setting: GpuSetting, deps: GpuDeps): Promise<ChosenGpu> {
  if (setting.gpu === false) return onCpu(setting, null)
  const { gpuDevices } = setting
  if (!deps.mayHaveGpu()) {
    if (!isWished(setting)) return onCpu(setting, null)
    throw noGpu(setting, 'none that this engine could use')
  }
  const gpus = await deps.nvidiaGpus()
  if (gpuDevices !== undefined && gpus.length > 0) assertThere(gpuDevices, gpus)
  const used = gpus.filter(({ index }) => gpuDevices?.includes(index) ?? true)
  const failures: Failure[] = []
  for (const backend of backendsToTry(setting, gpus, deps.platform)) {
    try {
      const { gpu, version } = await deps.tryBackend(backend, setting)
      if (gpu === null) throw new Error('it shows no GPU')
      return {
        setting: { ...setting, gpu: backend },
        gpu,
        version,
        note: inWords(gpu.names, used, failures, BACKEND_NAMES[backend]),
        isFallback: failures.length > 0
      }
    } catch (error) {
      const text = error instanceof InspectFailed ? error.log : reasonOf(error)
      failures.push({ backend, reason: gpuFault(text, used) ?? reasonOf(error) })
    }
  }
  if (isWished(setting)) throw unusable(setting, failures, used)
  // Without a card of NVIDIA a backend that finds nothing is no fault: there may be no GPU at all.
  return onCpu(setting, used.length === 0 ? null : inWords([], used, failures, 'the CPU'))
}

/** CUDA where the driver of NVIDIA answers, then Vulkan, which drives cards of all makers. */
function backendsToTry(
  { gpu }: GpuSetting,
  gpus: readonly NvidiaGpu[],
  platform: NodeJS.Platform
): GpuBackend[] {
  if (gpu !== undefined && gpu !== 'auto' && gpu !== false) return [gpu]
  if (platform === 'darwin') return ['metal']
  return gpus.length > 0 ? ['cuda', 'vulkan'] : ['vulkan']
}

const onCpu = (setting: GpuSetting, note: string | null): ChosenGpu => ({
  setting: { ...setting, gpu: false },
  gpu: null,
  version: null,
  note,
  isFallback: note !== null
})

/** `NVIDIA A100, driver 580: this engine's CUDA code needs driver 590 or newer; using Vulkan`. */
function inWords(
  names: readonly string[],
  gpus: readonly NvidiaGpu[],
  failures: readonly Failure[],
  using: string
): string {
  const known = gpus.length > 0 ? gpus.map(({ name }) => name) : names
  const cards = [...new Set(known)].join(', ')
  if (failures.length === 0) return `${cards}, ${using}`
  const driver = gpus[0] === undefined ? '' : `, driver ${gpus[0].driver.split('.')[0]}`
  const reasons = failures.map(({ backend, reason }, i) =>
    i === 0 ? reason : `${BACKEND_NAMES[backend]}: ${reason}`
  )
  return `${cards}${driver}: ${reasons.join('; ')}; using ${using}`
}

function assertThere(wanted: readonly number[], gpus: readonly NvidiaGpu[]): void {
  const missing = wanted.find((number) => !gpus.some(({ index }) => index === number))
  if (missing === undefined) return
  const there = gpus.map(({ index, name }) => `${index} (${name})`).join(', ')
  throw new HaifError('CONFIG_INVALID', `there is no GPU ${missing}: this machine has ${there}`)
}

function noGpu({ gpu, gpuDevices }: GpuSetting, what: string): HaifError {
  const wanted = gpuDevices === undefined ? `--gpu ${gpu}` : `GPU ${gpuDevices.join(', ')}`
  return new HaifError(
    'CONFIG_INVALID',
    `${wanted} cannot be used: this machine has ${what}; leave --gpu away to run on what there is`
  )
}

function unusable(
  setting: GpuSetting,
  failures: readonly Failure[],
  gpus: readonly NvidiaGpu[]
): HaifError {
  const reasons = failures.map(({ backend, reason }) => `${BACKEND_NAMES[backend]}: ${reason}`)
  const cards = gpus.map(({ name, driver }) => `${name}, driver ${driver}`)
  return noGpu(
    setting,
    `${cards.join(', ') || 'a GPU'} on which models do not run (${reasons.join('; ')})`
  )
}
