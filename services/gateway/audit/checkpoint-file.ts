/**
 * The signed ends of audit chains in a file of this machine. What is in it is never older than
 * before.
 */
import { readFile, rename, writeFile } from 'node:fs/promises'
import { Turns } from '#shared/kit/turns.ts'
import type { Checkpoint } from './audit-chain.ts'
import type { CheckpointFile } from './audit.ts'

/** `file`: JSON, one checkpoint for each chain, so as large as there are tenants. */
export class JsonCheckpoints implements CheckpointFile {
  readonly #file: string
  readonly #turns = new Turns()

  constructor(file: string) {
    this.#file = file
  }

  /** One after the other: a disk that hangs holds up one of the few that Node makes at a time. */
  put(checkpoint: Checkpoint): Promise<void> {
    return this.#turns.run(() => this.#put(checkpoint))
  }

  async #put(checkpoint: Checkpoint): Promise<void> {
    const all = await this.#read() // anew, as another gateway on this machine may have written
    if ((all.get(checkpoint.chain)?.seq ?? 0) >= checkpoint.seq) return
    all.set(checkpoint.chain, checkpoint)
    const temporary = `${this.#file}.${process.pid}`
    await writeFile(temporary, `${JSON.stringify([...all.values()])}\n`, { mode: 0o600 })
    await rename(temporary, this.#file)
  }

  all(): Promise<ReadonlyMap<string, Checkpoint>> {
    return this.#read()
  }

  async #read(): Promise<Map<string, Checkpoint>> {
    try {
      const list = JSON.parse(await readFile(this.#file, 'utf8')) as Checkpoint[]
      return new Map(list.map((checkpoint) => [checkpoint.chain, checkpoint]))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map()
      throw error
    }
  }
}
