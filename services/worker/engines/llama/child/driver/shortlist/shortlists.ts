/**
 * Makes the shortlists of a step. With 64 answers and a vocabulary of 128,000 tokens that is to
 * read 33 MB, which takes one thread of a server's processor a third of the time in which its GPU
 * computes the step; so where there is that much to read, some more threads help.
 */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { newTableMemory, ShortlistTable, type ShortlistRow } from './shortlist-table.ts'
import { writeShortlist, type Shortlist } from './shortlist.ts'

interface ShortlistsOptions {
  /** Answers in a step, at most. */
  rowsMax: number
  vocabularySize: number
  logitsAt: (address: bigint) => Float32Array
  helpers?: number
}

export class Shortlists {
  readonly #options: ShortlistsOptions
  #table: ShortlistTable | null = null

  constructor(options: ShortlistsOptions) {
    this.#options = options
  }

  of(rows: readonly ShortlistRow[]): Shortlist[] {
    const { vocabularySize, helpers = helpersOf(availableParallelism()) } = this.#options
    const isMuch = rows.length > 1 && rows.length * vocabularySize >= LOGITS_WORTH_HELP
    if (isMuch && helpers > 0) return (this.#table ??= this.#openTable(helpers)).fill(rows)
    return rows.map(({ address, size }) => {
      const shortlist = { ids: new Int32Array(size), logits: new Float32Array(size) }
      writeShortlist(this.#options.logitsAt(address), shortlist)
      return shortlist
    })
  }

  /** The threads are the process's as long as it lives: a model's process has one model. */
  #openTable(helpers: number): ShortlistTable {
    const { rowsMax, vocabularySize, logitsAt } = this.#options
    const memory = newTableMemory(rowsMax)
    for (let i = 0; i < helpers; i++) {
      const file = new URL('shortlist-thread.ts', import.meta.url)
      // It keeps no process alive, and without it the others take all rows.
      const helper = new Worker(file, { workerData: { memory, vocabularySize } })
      helper.on('error', () => {}).unref()
    }
    return new ShortlistTable(memory, logitsAt)
  }
}

/** Waking a thread takes as long as reading some ten thousand logits. */
const LOGITS_WORTH_HELP = 500_000
const HELPERS_MAX = 3

const helpersOf = (cores: number): number => Math.min(HELPERS_MAX, cores - 1)
