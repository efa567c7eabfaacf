/**
 * Moves what the journal of a SQLite file holds into the file itself, in a thread of its own: that
 * is when SQLite waits until the disk has everything, which on a slow disk takes seconds in which
 * this process would answer nobody.
 */
import { Worker } from 'node:worker_threads'
import type { DatabaseSync } from 'node:sqlite'
import type { CheckpointDone, CheckpointWork } from './checkpoint-thread.ts'

/** About 8 MB of journal. A thread takes 50 ms to start, and most gateways of a test write less. */
const WRITES_BETWEEN = 1000
/**
 * 64 MB of journal. Under a load without a pause the thread never catches up with the last rows,
 * and SQLite begins the journal anew only when it has.
 */
const JOURNAL_PAGES_MAX = 16_384

export class Checkpoints {
  readonly #file: string
  readonly #database: DatabaseSync
  #thread: Worker | null = null
  #writes = 0
  #askedAt: number | null = null
  /** 1 while the thread works: also a process that has no time for messages can see it. */
  readonly #working = new Int32Array(new SharedArrayBuffer(4))

  /** `database`: a connection to the file, by which rows are written. */
  constructor(file: string, database: DatabaseSync) {
    this.#file = file
    this.#database = database
  }

  /** To be called after each write. */
  wrote(): void {
    if (++this.#writes < WRITES_BETWEEN || this.#askedAt !== null) return
    this.#writes = 0
    this.#askedAt = performance.now()
    Atomics.store(this.#working, 0, 1)
    this.#thread ??= this.#startThread()
    this.#thread.postMessage(null)
  }

  /** How long the disk has not answered. */
  get hangingMs(): number {
    const isDone = this.#askedAt === null || Atomics.load(this.#working, 0) === 0
    return isDone ? 0 : performance.now() - this.#askedAt!
  }

  stop(): void {
    const thread = this.#thread
    this.#thread = null
    void thread?.terminate()
  }

  #startThread(): Worker {
    const url = new URL('checkpoint-thread.ts', import.meta.url)
    const workerData: CheckpointWork = { file: this.#file, working: this.#working }
    const thread = new Worker(url, { workerData, execArgv: [] })
    thread.unref() // a disk that hangs must not keep the process
    thread.on('message', (done: CheckpointDone) => {
      this.#askedAt = null
      const isBehind = done.journalPages > done.movedPages
      if (isBehind && done.journalPages > JOURNAL_PAGES_MAX) this.#moveHere(thread)
    })
    const onEnd = () => {
      this.#moveHere(thread)
      if (this.#thread === thread) this.#thread = null
      this.#askedAt = null
    }
    thread.on('error', onEnd)
    thread.on('exit', onEnd)
    return thread
  }

  /** Without syncs, so this waits for no disk; what a thread has moved before need not be moved. */
  #moveHere(thread: Worker): void {
    if (this.#thread !== thread) return
    try {
      this.#database.exec('pragma wal_checkpoint(passive)')
    } catch {
      // The next row meets the same disk, and says why.
    }
  }
}
