/**
 * What the thread that computes and the process's main thread both see of the step in progress.
 * The first is deaf during a step, which takes seconds for a prompt on a large model; so the second
 * ends a step that nobody waits for any more.
 */
export interface StepMemory {
  /** When it began, in `clockMs`; 0 between steps. */
  began: BigInt64Array<SharedArrayBuffer>
  /** The request that alone is read in it; 0 where others are part of it. */
  onlyRequest: Int32Array<SharedArrayBuffer>
  /** Two bytes for llama.cpp: while the first is not 0, the step is broken off. */
  stop: Uint8Array<SharedArrayBuffer>
}

export function newStepMemory(): StepMemory {
  return {
    began: new BigInt64Array(new SharedArrayBuffer(8)),
    onlyRequest: new Int32Array(new SharedArrayBuffer(4)),
    stop: new Uint8Array(new SharedArrayBuffer(2))
  }
}

export function beginStep({ began, onlyRequest, stop }: StepMemory, request: number): void {
  Atomics.store(stop, 0, 0)
  Atomics.store(onlyRequest, 0, request)
  Atomics.store(began, 0, clockMs())
}

export function endStep({ began, onlyRequest }: StepMemory): void {
  Atomics.store(onlyRequest, 0, 0)
  Atomics.store(began, 0, 0n)
}

/**
 * Ends the step in which nothing but this request's prompt is read. Should the next one have begun
 * in this moment it is broken off in its place, and made again.
 */
export function stopReading({ onlyRequest, stop }: StepMemory, request: number): void {
  if (Atomics.load(onlyRequest, 0) === request) Atomics.store(stop, 0, 1)
}

/** One clock for all threads of a process. */
export const clockMs = (): bigint => process.hrtime.bigint() / 1_000_000n
