/**
 * The memory that the process of a model takes, with all that CUDA keeps for a process beside the
 * model. The process measures only what it has allocated itself; the driver knows the whole, and is
 * asked again while the model runs.
 */
import type { Memory } from '#shared/contracts/peers/peers.ts'
import { nvidiaProcesses } from './nvidia.ts'

/** What a process takes on a card before it has allocated anything: 518 to 526 MiB on an H200. */
export const CUDA_PROCESS_BYTES = 545e6
const FRESH_MS = 10_000

type Look = typeof nvidiaProcesses

export class ProcessMemory {
  readonly #pid: number
  readonly #look: Look
  readonly #clock: () => number
  #memory: Memory
  #lookedAt = -Infinity

  private constructor(pid: number, measured: Memory, look: Look, clock: () => number) {
    this.#pid = pid
    this.#look = look
    this.#clock = clock
    const vramBytes = measured.vramBytes + CUDA_PROCESS_BYTES
    this.#memory = { ...measured, vramBytes }
  }

  /** `measured`: by the process itself. */
  static async of(
    pid: number,
    measured: Memory,
    look: Look = nvidiaProcesses,
    clock = () => performance.now()
  ): Promise<ProcessMemory> {
    const memory = new ProcessMemory(pid, measured, look, clock)
    await memory.#refresh()
    return memory
  }

  /** As it was when the driver was last asked, which is done in the background. */
  now(): Memory {
    if (this.#clock() - this.#lookedAt >= FRESH_MS) void this.#refresh()
    return this.#memory
  }

  /** In a container the driver may show no processes, or other numbers: the sum stays then. */
  async #refresh(): Promise<void> {
    this.#lookedAt = this.#clock()
    const found = (await this.#look()).find(({ pid }) => pid === this.#pid)
    if (found !== undefined) this.#memory = { ...this.#memory, vramBytes: found.bytes }
  }
}
