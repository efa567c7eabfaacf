/**
 * The process that holds one model. Its main thread passes messages on and ends the process; the
 * model is computed in a thread beside it, or here where only `node-llama-cpp` can compute it. The
 * process decides nothing about its own life: it ends when the worker disconnects, dies or kills
 * it.
 */
import { Worker } from 'node:worker_threads'
import { reasonOf } from '#shared/kit/reason-of.ts'
import type { ChildMessage, LoadOptions, ParentMessage, Work } from '../messages.ts'
import { Hearing } from './hearing.ts'
import { newStepMemory, stopReading } from './step-memory.ts'
import type { FromThread, ThreadSetup } from './thread-messages.ts'

// Ctrl-C goes to the whole process group, but the worker decides when its model ends.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})

// Killed rather than exited: there is nothing to save, and taking native code down while it decodes
// may hang or crash.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))

let host: { receive: (message: Work) => void; deafSince: () => number } | null = null

process.on('message', (message: ParentMessage) => {
  if (message.kind === 'load') void start(message.options)
  else if (message.kind === 'ping') send({ kind: 'alive', deafSince: host?.deafSince() ?? 0 })
  else host?.receive(message)
})

async function start(options: LoadOptions): Promise<void> {
  const unusable = options.driver === 'library' ? 'it was asked for' : await startThread(options)
  if (unusable === null) return
  await startLibrary(options, unusable)
}

/** Resolves to the reason where this machine's libraries cannot be called directly. */
function startThread(options: LoadOptions): Promise<string | null> {
  const step = newStepMemory()
  const setup: ThreadSetup = { gpu: options.gpu, step }
  const thread = new Worker(new URL('model-thread.ts', import.meta.url), { workerData: setup })
  const { promise, resolve } = Promise.withResolvers<string | null>()
  const hearing = new Hearing(step, () => thread.postMessage({ kind: 'ping' }))
  const deafSince = () => hearing.deafSince()
  const receive = (message: Work) => {
    thread.postMessage(message)
    if (message.kind === 'cancel') stopReading(step, message.id)
  }
  thread.on('message', (message: FromThread) => {
    switch (message.kind) {
      case 'usable':
        host = { receive, deafSince }
        receive({ kind: 'load', options })
        return resolve(null)
      case 'unusable':
        void thread.terminate()
        if (host === null) return resolve(message.reason)
        host = null
        return void startLibrary(options, message.reason)
      case 'message':
        return send(message.message)
      case 'heard':
        return hearing.heard()
      case 'gaveUp':
        return giveUp(message.reason)
    }
  })
  thread.on('error', (error) => {
    if (host === null) resolve(reasonOf(error))
    else giveUp(error)
  })
  return promise
}

async function startLibrary(options: LoadOptions, libraryBecause: string): Promise<void> {
  const { ModelHost } = await import('./model-host.ts')
  const { loadLibrary } = await import('./library/load-library.ts')
  const here = new ModelHost({
    load: loadLibrary,
    send,
    giveUp,
    sendsAtOnce: false,
    libraryBecause,
    log: (line) => console.error(line)
  })
  host = { receive: (message) => here.receive(message), deafSince: () => here.stepStartedAt }
  here.receive({ kind: 'load', options })
}

function giveUp(error: unknown): void {
  console.error(error)
  process.kill(process.pid, 'SIGKILL')
}

function send(message: ChildMessage): void {
  // Without a channel the worker is gone, and 'disconnect' is on its way.
  if (process.connected) process.send?.(message)
}
