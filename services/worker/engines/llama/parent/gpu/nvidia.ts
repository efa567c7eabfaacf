/**
 * NVIDIA's cards as the driver's own program shows them: which there are, what they can run, and
 * how their memory is used now. It answers also where CUDA's runtime is missing, and without a
 * process of ours on the card.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

export interface NvidiaGpu {
  index: number
  name: string
  /** As 580.159.04. */
  driver: string
  totalBytes: number
  freeBytes: number
}

/** A GPU's memory that one process takes; in a container the driver shows other numbers. */
interface GpuProcess {
  pid: number
  bytes: number
}

const GPU_FIELDS = 'index,name,driver_version,memory.total,memory.free'
const PROCESS_FIELDS = 'pid,used_memory'
/** Without a daemon that keeps the driver loaded it takes seconds. */
const ANSWER_MS_MAX = 15_000
const PROGRAMS = ['nvidia-smi', '/usr/bin/nvidia-smi', '/usr/local/nvidia/bin/nvidia-smi']

type Run = (program: string, args: readonly string[]) => Promise<string>

/** Empty where there is no driver of NVIDIA, or none that answers. */
export async function nvidiaGpus(run: Run = runProgram): Promise<NvidiaGpu[]> {
  return parseGpus(await ask(run, `--query-gpu=${GPU_FIELDS}`))
}

export async function nvidiaProcesses(run: Run = runProgram): Promise<GpuProcess[]> {
  return parseProcesses(await ask(run, `--query-compute-apps=${PROCESS_FIELDS}`))
}

async function ask(run: Run, query: string): Promise<string> {
  for (const program of PROGRAMS) {
    try {
      return await run(program, [query, '--format=csv,noheader,nounits'])
    } catch {
      // The next place; when all are tried there is no card to speak of.
    }
  }
  return ''
}

async function runProgram(program: string, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, { timeout: ANSWER_MS_MAX })
  return stdout
}

/** Lines as `0, NVIDIA H200, 580.159.04, 143771, 143254`, in MiB. */
export function parseGpus(text: string): NvidiaGpu[] {
  return rows(text).flatMap(([index, name, driver, total, free]) => {
    const gpu = {
      index: Number(index),
      name: name ?? '',
      driver: driver ?? '',
      totalBytes: mebibytes(total),
      freeBytes: mebibytes(free)
    }
    return Number.isInteger(gpu.index) && gpu.name !== '' ? [gpu] : []
  })
}

/** Lines as `4711, 2420`, in MiB; a process on several cards has several. */
export function parseProcesses(text: string): GpuProcess[] {
  const bytes = new Map<number, number>()
  for (const [pid, used] of rows(text)) {
    if (/^\d+$/.test(pid ?? '')) {
      bytes.set(Number(pid), (bytes.get(Number(pid)) ?? 0) + mebibytes(used))
    }
  }
  return [...bytes].map(([pid, total]) => ({ pid, bytes: total }))
}

const rows = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => line.split(',').map((cell) => cell.trim()))

/** Some cards share the machine's memory and say `[N/A]`. */
const mebibytes = (text = ''): number => (/^\d+$/.test(text) ? Number(text) * 1024 ** 2 : 0)
