/**
 * The thread that writes the spool: a disk that hangs holds this thread, and not the one that
 * answers requests. What has come meanwhile is written and answered together.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { diskTrouble } from '#shared/trouble/disk.ts'
import type {
  SpoolCall,
  SpoolFailure,
  SpoolReply,
  SpoolResult,
  SpoolSetup,
  SpoolWork
} from './spool-messages.ts'
import { UsageSpool } from './usage-spool.ts'

/** Answered together at most. */
const TOGETHER_MAX = 256

const { file, rowsMax, over } = workerData as SpoolSetup
const spool = new UsageSpool(file, rowsMax)
const port = parentPort!

function work(asked: SpoolWork): SpoolResult {
  switch (asked.kind) {
    case 'append':
      return spool.append(asked.row)
    case 'oldest':
      return spool.oldest(asked.count)
    case 'remove':
      spool.remove(asked.first, asked.last)
      return 0
  }
}

function failureOf(error: unknown): SpoolFailure {
  const { message, code, errcode } = error as SpoolFailure
  return { message, ...(code && { code }), ...(errcode && { errcode }) }
}

/** A damaged spool is kept for a person to read, and does not keep new rows from the disk. */
function setAside(error: unknown): Pick<SpoolReply, 'kept'> {
  if (diskTrouble(error)?.kind !== 'bad input') return {}
  try {
    return { kept: spool.setAside() }
  } catch {
    return {} // its disk does not even do that; the failure itself is told
  }
}

function lengthNow(): number | null {
  try {
    return spool.isOpen ? spool.length : null
  } catch {
    return null
  }
}

/** False when the thread is to end. */
function answer(first: SpoolCall): boolean {
  const reply: SpoolReply = { calls: [], length: null }
  let failed: unknown = null // what a disk does not do once is not tried again for each call
  for (let call: SpoolCall | undefined = first; call !== undefined; call = next()) {
    if (call === 'close') {
      spool.close()
      return false
    }
    const { id, work: asked } = call
    try {
      if (failed !== null) throw failed
      reply.calls.push([id, work(asked)])
    } catch (error) {
      failed = error
      reply.calls.push([id, null, failureOf(error)])
    }
    Atomics.store(over, 0, BigInt(id))
    if (reply.calls.length >= TOGETHER_MAX) break
  }
  if (failed !== null) Object.assign(reply, setAside(failed))
  reply.length = lengthNow()
  port.postMessage(reply)
  return true
}

const next = (): SpoolCall | undefined =>
  receiveMessageOnPort(port)?.message as SpoolCall | undefined

port.on('message', (call: SpoolCall) => {
  if (!answer(call)) port.close()
})
port.postMessage({ calls: [], length: lengthNow() } satisfies SpoolReply)
