/** Figures of the last minutes, as the page has seen them; the mesh keeps none. */
import type { WorkerBody } from '../mesh/bodies.ts'
import type { Feed } from './feed.ts'

/** Half an hour of samples every 2 s. */
export const SAMPLES_MAX = 900

interface Sample {
  running: number
  waiting: number
  /** Bytes of memory in use, of the machine and of its GPUs. */
  ramBytes: number
  gpuBytes: number
}

export interface History {
  /** Of the whole mesh. */
  all: readonly Sample[]
  /** By worker. */
  workers: ReadonlyMap<string, readonly Sample[]>
}

export const NO_HISTORY: History = { all: [], workers: new Map() }

export function addSample(history: History, { workers, queue }: Feed): History {
  const each = [...workers.values()].map((worker) => [worker.id, sampleOf(worker)] as const)
  const sum = each.reduce((total, [, sample]) => added(total, sample), NOTHING)
  const waiting = queue?.waiting ?? sum.waiting
  return {
    all: appended(history.all, { ...sum, waiting }),
    // A worker that is gone takes its history along, so that this map does not grow.
    workers: new Map(
      each.map(([id, sample]) => [id, appended(history.workers.get(id) ?? [], sample)])
    )
  }
}

const NOTHING: Sample = { running: 0, waiting: 0, ramBytes: 0, gpuBytes: 0 }

function sampleOf({ running, waiting, hardware }: WorkerBody): Sample {
  const { ram, gpu } = hardware ?? {}
  return {
    running,
    waiting,
    ramBytes: ram === undefined ? 0 : ram.total_bytes - ram.free_bytes,
    gpuBytes: gpu === undefined ? 0 : gpu.total_bytes - gpu.free_bytes
  }
}

const added = (a: Sample, b: Sample): Sample => ({
  running: a.running + b.running,
  waiting: a.waiting + b.waiting,
  ramBytes: a.ramBytes + b.ramBytes,
  gpuBytes: a.gpuBytes + b.gpuBytes
})

const appended = (samples: readonly Sample[], sample: Sample): readonly Sample[] =>
  [...samples, sample].slice(-SAMPLES_MAX)
