/**
 * The thread that computes a model with llama.cpp's own libraries. A step is one call of C that
 * keeps this thread busy; the process's main thread stays free for messages, and to end it.
 */
import { writeSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { reasonOf } from '#shared/kit/reason-of.ts'
import { ModelHost } from './model-host.ts'
import { clockMs } from './step-memory.ts'
import type { FromThread, ThreadSetup, ToThread } from './thread-messages.ts'

const { gpu, step } = workerData as ThreadSetup
const STDERR = 2

/** Not through the main thread, which may end before it has written the line. */
const log = (line: string) => writeSync(STDERR, `${line}\n`)
const send = (message: FromThread): void => parentPort?.postMessage(message)

try {
  const { chooseLlama } = await import('./driver/api/llama-libraries.ts')
  const { loadNative } = await import('./driver/load-native.ts')
  const { NotComputable } = await import('./driver/native-context.ts')
  const llama = chooseLlama(gpu, log)
  const host = new ModelHost({
    load: async (options, hooks) => {
      try {
        return await loadNative(llama, options, { ...hooks, step })
      } catch (error) {
        if (!(error instanceof NotComputable)) throw error
        send({ kind: 'unusable', reason: error.message })
        return new Promise(() => {}) // the main thread ends this one
      }
    },
    send: (message) => send({ kind: 'message', message }),
    giveUp: (error) => send({ kind: 'gaveUp', reason: reasonOf(error) }),
    sendsAtOnce: true,
    log
  })
  // A message is work like a step: a prompt is rendered and tokenised before it is one.
  parentPort?.on('message', (message: ToThread) => {
    if (message.kind === 'ping') return send({ kind: 'heard' })
    if (message.kind !== 'load') Atomics.store(step.began, 0, clockMs())
    host.receive(message)
    Atomics.store(step.began, 0, 0n)
  })
  send({ kind: 'usable' })
} catch (error) {
  send({ kind: 'unusable', reason: reasonOf(error) })
}
