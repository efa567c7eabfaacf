/** The machine that a worker runs on, as reported to the mesh: processor, memory, GPUs, engines. */
import { availableParallelism, cpus } from 'node:os'
import type { EngineVersion, Hardware, Memory } from '#shared/contracts/peers/peers.ts'
import { VERSION } from '#shared/process/version.ts'
import type { GpuSetting } from './engines/llama/parent/gpu-device.ts'
import type { Inspection } from './engines/llama/inspection.ts'
import { inspect } from './engines/llama/parent/inspect.ts'
import { budgetOf, type BudgetWish, type MemoryBudget } from './memory/memory-budget.ts'
import { ramBytesFree, ramBytesTotal } from './memory/ram.ts'

/** The part of a worker's report that is about its machine. */
export interface Machine {
  /** As it is now: free memory changes. */
  hardware(): Hardware
  engines: EngineVersion[]
  /** The memory that all models of the worker may take together. */
  memoryBudget: Memory
}

interface MachineOptions {
  gpu: GpuSetting
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
  const look = async () => {
    looking ??= engines.includes('llama') ? inspect(gpu) : Promise.resolve(null)
    return looking
  }
  const { ram } = hardwareNow(null)
  const budget = async () => budgetOf(wish, { ...hardwareNow(await look()), ram })
  return {
    budget,
    async machine() {
      const found = await look()
      const { ramBytes, vramBytes } = await budget()
      return {
        hardware: () => hardwareNow(found),
        engines: [...new Set(engines)].map((kind) => versionOf(kind, found)),
        memoryBudget: { ramBytes, vramBytes }
      }
    }
  }
}

/** GPU memory stays as it was at the start: only a process of its own may ask the driver. */
function hardwareNow(found: Inspection | null): Hardware {
  const model = (cpus()[0]?.model ?? 'unknown').trim().slice(0, 256)
  return {
    cpu: { model, cores: availableParallelism() },
    ram: { totalBytes: ramBytesTotal(), freeBytes: ramBytesFree() },
    ...(found === null || found.gpu === null ? {} : { gpu: found.gpu })
  }
}

function versionOf(kind: string, found: Inspection | null): EngineVersion {
  if (kind === 'llama' && found !== null) return { kind, version: found.version }
  return { kind, version: `haif ${VERSION}` }
}
