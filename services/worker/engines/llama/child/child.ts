/**
 * The process that holds one model. It takes messages, hands them to the scheduler and sends back
 * one message per step. It decides nothing about its own life: it ends when the worker disconnects,
 * dies or kills it.
 */
import type { EmbedInput, GenerateRequest } from '../../engine.ts'
import { EmbeddingContext } from './embedding-context.ts'
import { reasonOf } from '#shared/kit/reason-of.ts'
import { jobOf } from './job.ts'
import { loadModel, type LoadedContext } from './load-model.ts'
import {
  toFailure,
  type ChildMessage,
  type KvTokens,
  type LoadOptions,
  type ParentMessage
} from '../messages.ts'
import { Scheduler } from './schedule/scheduler.ts'

// Ctrl-C goes to the whole process group, but the worker decides when its model ends.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})

// Killed rather than exited: there is nothing to save, and taking native code down while it decodes
// may hang or crash.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))

let serving: { loaded: LoadedContext; scheduler: Scheduler; embedder: EmbeddingContext } | null =
  null
let lastLogLine = ''
let reportedKvTokens: KvTokens = { runningTokens: 0, keptTokens: 0 }

process.on('message', (message: ParentMessage) => {
  switch (message.kind) {
    case 'load':
      load(message.options).catch(reportLoadFailure)
      break
    case 'generate':
      submit(message.id, message.request)
      break
    case 'embed':
      void embed(message.id, message.inputs)
      break
    case 'cancel':
      serving?.scheduler.cancel(message.id)
      serving?.embedder.cancel(message.id)
      break
    case 'credit':
      serving?.scheduler.credit(message.id, message.tokens)
      break
  }
})

async function load(options: LoadOptions): Promise<void> {
  let reported = 0
  const loaded = await loadModel(options, {
    onProgress: (fraction) => {
      if (fraction < 1 && fraction - reported < PROGRESS_STEP) return
      reported = fraction
      send({ kind: 'progress', fraction })
    },
    onLog: (line) => {
      lastLogLine = line || lastLogLine
      console.error(line)
    }
  })
  const scheduler = new Scheduler({
    driver: loaded.driver,
    calibration: loaded.calibration,
    creditTokens: options.creditTokens,
    onStep: send,
    onBroken: giveUp
  })
  const { model, vocabulary, ready } = loaded
  const { contextTokens, threads } = ready
  const embedder = new EmbeddingContext({ model, vocabulary, contextTokens, threads })
  serving = { loaded, scheduler, embedder }
  setInterval(() => watchStep(scheduler), WATCH_MS)
  setInterval(() => reportKvTokens(scheduler.kvTokens), KV_TOKENS_MS)
  send({ kind: 'ready', model: loaded.ready })
}

const PROGRESS_STEP = 0.01

function reportLoadFailure(error: unknown): void {
  const reason =
    lastLogLine === '' ? reasonOf(error) : `${reasonOf(error)} (${reasonOf(lastLogLine)})`
  send({ kind: 'loadFailed', reason })
}

function submit(id: number, request: GenerateRequest): void {
  if (serving === null) return
  try {
    serving.scheduler.submit(jobOf(id, request, serving.loaded))
  } catch (error) {
    const { rates } = serving.loaded.ready
    send({ kind: 'step', parts: [], ends: [], failures: [[id, toFailure(error)]], rates })
  }
}

async function embed(id: number, inputs: readonly EmbedInput[]): Promise<void> {
  try {
    const embedded = (await serving?.embedder.embed(id, inputs)) ?? null
    if (embedded !== null) send({ kind: 'embedded', ...embedded })
  } catch (error) {
    send({ kind: 'embedFailed', id, failure: toFailure(error) })
  }
}

/** Native code that hangs does not stop this timer. The worker starts another process. */
function watchStep(scheduler: Scheduler): void {
  if (scheduler.stepMs > STEP_MS_MAX) giveUp(`a step took longer than ${STEP_MS_MAX / 1000} s`)
}

const WATCH_MS = 5_000
const STEP_MS_MAX = 120_000

/** Reported by the clock and not with each step, because nobody looks at it more often. */
function reportKvTokens(tokens: KvTokens): void {
  const { runningTokens, keptTokens } = tokens
  const last = reportedKvTokens
  if (runningTokens === last.runningTokens && keptTokens === last.keptTokens) return
  reportedKvTokens = tokens
  send({ kind: 'kvCache', ...tokens })
}

const KV_TOKENS_MS = 1_000

function giveUp(error: unknown): void {
  console.error(error)
  process.kill(process.pid, 'SIGKILL')
}

function send(message: ChildMessage): void {
  // Without a channel the worker is gone, and 'disconnect' is on its way.
  if (process.connected) process.send?.(message)
}
