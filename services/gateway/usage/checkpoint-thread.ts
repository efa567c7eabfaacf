/** The thread of `Checkpoints`: each message asks for one, and gets an answer when it is done. */
import { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'

export interface CheckpointWork {
  file: string
  working: Int32Array
}

export interface CheckpointDone {
  journalPages: number
  movedPages: number
}

const { file, working } = workerData as CheckpointWork
const database = new DatabaseSync(file)
database.exec('pragma synchronous = normal')
const checkpoint = database.prepare('pragma wal_checkpoint(passive)')

parentPort!.on('message', () => {
  const done = moved()
  Atomics.store(working, 0, 0)
  parentPort!.postMessage(done)
})

function moved(): CheckpointDone {
  try {
    const { log, checkpointed } = checkpoint.get() as { log: number; checkpointed: number }
    return { journalPages: log, movedPages: checkpointed }
  } catch {
    return { journalPages: 0, movedPages: 0 } // the next write meets the same disk, and says why
  }
}
