/** The machine that a worker runs on, as reported to the mesh: processor, memory, GPUs, engines. */
import { availableParallelism, cpus } from 'node:os'
import type { EngineVersion, Hardware, Memory } from '#shared/contracts/peers/peers.ts'
import { VERSION } from '#shared/process/version.ts'
import type { ChosenGpu } from './engines/llama/parent/gpu/choose-gpu.ts'
import type { Inspection } from './engines/llama/inspection.ts'
import { FreeVram } from './engines/llama/parent/gpu/free-vram.ts'
import { nvidiaGpus } from './engines/llama/parent/gpu/nvidia.ts'
import { inspect } from './engines/llama/parent/inspect.ts'
import { budgetOf, type BudgetWish, type MemoryBudget } from './memory/memory-budget.ts'
import { ramBytesFree, ramBytesTotal } from './memory/ram.ts'

/** The part of a worker's report that is about its machine. */
export interface Machine {
  /** As it is now: free memory changes. */
  hardware(): Hardware
  engines: EngineVersion[]
  /** Why models run on less than this machine's GPU could do; absent where they do not. */
  gpuNote?: string
  /** The memory that all models of the worker may take together. */
  memoryBudget: Memory
}

interface MachineOptions {
  gpu: () => Promise<ChosenGpu>
  /** Engines of the worker's models: only llama.cpp needs to know the GPUs. */
  engines: readonly string[]
  wish: BudgetWish
}

interface MachineLook {
  machine: () => Promise<Machine>
  budget: () => Promise<MemoryBudget>
}

/** Inspects the machine once, when either function is first called. */
export function lookAtMachine({ gpu, engines, wish }: MachineOptions): MachineLook {
  let looking: Promise<Inspection | null> | null = null
  const look = () =>
    (looking ??= engines.includes('llama') ? inspectOn(gpu) : Promise.resolve(null))
  const { ram } = hardwareNow(null)
  const budget = async () => budgetOf(wish, { ...hardwareNow(await look()), ram })
  return {
    budget,
    async machine() {
      const found = await look()
      const { ramBytes, vramBytes } = await budget()
      const fallback = engines.includes('llama') ? await gpu() : null
      const vram = new FreeVram(nvidiaGpus)
      return {
        hardware: () => hardwareNow(found, vram.now()),
        engines: [...new Set(engines)].map((kind) => versionOf(kind, found)),
        memoryBudget: { ramBytes, vramBytes },
        ...(fallback?.isFallback === true ? { gpuNote: fallback.note ?? '' } : {})
      }
    }
  }
}

const UNKNOWN = { version: 'unknown' }

/** The GPU as it was when it was tried, and the versions, which only a process can tell. */
async function inspectOn(choose: MachineOptions['gpu']): Promise<Inspection> {
  const { setting, gpu, version } = await choose()
  if (version !== null) return { version, gpu }
  // A machine that has too much to do for the look has its memory all the same.
  const { version: onCpu } = await inspect({ ...setting, gpu: false }).catch(() => UNKNOWN)
  return { version: onCpu, gpu }
}

/** `vramFree`: null where the driver does not say, and the memory stays as it was at the start. */
function hardwareNow(found: Inspection | null, vramFree: number | null = null): Hardware {
  const model = (cpus()[0]?.model ?? 'unknown').trim().slice(0, 256)
  const { gpu = null } = found ?? {}
  return {
    cpu: { model, cores: availableParallelism() },
    ram: { totalBytes: ramBytesTotal(), freeBytes: ramBytesFree() },
    ...(gpu === null ? {} : { gpu: { ...gpu, freeBytes: vramFree ?? gpu.freeBytes } })
  }
}

function versionOf(kind: string, found: Inspection | null): EngineVersion {
  if (kind === 'llama' && found !== null) return { kind, version: found.version }
  return { kind, version: `haif ${VERSION}` }
}
