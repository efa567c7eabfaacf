/**
 * The signed ends of audit chains in a file of this machine. What is in it is never older than
 * before.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { Checkpoint } from './audit-chain.ts'
import type { CheckpointFile } from './audit.ts'

/** `file`: JSON, one checkpoint for each chain, so as large as there are tenants. */
export class JsonCheckpoints implements CheckpointFile {
  readonly #file: string

  constructor(file: string) {
    this.#file = file
  }

  put(checkpoint: Checkpoint): void {
    const all = this.#read() // anew, as another gateway on this machine may have written
    if ((all.get(checkpoint.chain)?.seq ?? 0) >= checkpoint.seq) return
    all.set(checkpoint.chain, checkpoint)
    const temporary = `${this.#file}.${process.pid}`
    writeFileSync(temporary, `${JSON.stringify([...all.values()])}\n`, { mode: 0o600 })
    renameSync(temporary, this.#file)
  }

  get(chain: string): Checkpoint | undefined {
    return this.#read().get(chain)
  }

  chains(): Iterable<string> {
    return this.#read().keys()
  }

  #read(): Map<string, Checkpoint> {
    try {
      const list = JSON.parse(readFileSync(this.#file, 'utf8')) as Checkpoint[]
      return new Map(list.map((checkpoint) => [checkpoint.chain, checkpoint]))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map()
      throw error
    }
  }
}
