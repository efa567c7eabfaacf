/** The machine that a worker runs on, as it is told to the mesh: processor, memory, GPUs, engines. */
import { availableParallelism, cpus } from 'node:os'
import type { EngineVersion, Hardware } from '#shared/contracts/peers/peers.ts'
import { VERSION } from '#shared/process/version.ts'
import type { GpuSetting } from '../engines/llama/parent/gpu-device.ts'
import { inspect, type Inspection } from '../engines/llama/parent/inspect.ts'
import { budgetOf, type BudgetWish } from './memory-budget.ts'
import type { MemoryBudget } from '../models/model-loader.ts'
import { ramBytesFree, ramBytesTotal } from './ram.ts'
import type { Machine } from '../worker.ts'

export interface MachineOptions {
  gpu: GpuSetting
  /** Of its models: only llama.cpp needs to know the GPUs. */
  engines: readonly string[]
  wish: BudgetWish
}

export interface MachineLook {
  machine: () => Promise<Machine>
  budget: () => Promise<MemoryBudget>
}

/** Looks when it is first asked, once. */
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

/** The memory of the GPUs is as it was when the worker started: only a process of its own may ask. */
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
