/** Whatever workers do to a request, by scripts that are drawn at random. */
import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'
import fc from 'fast-check'
import type { InferenceEnd, InferenceItem } from '#shared/contracts/inference/answer.ts'
import { itemCodec } from '#shared/contracts/inference/item-codec.ts'
import type { AttemptRequest } from '#shared/contracts/inference/request.ts'
import { HaifError } from '#shared/errors.ts'
import { createContext, deadlineExceeded, type RequestContext } from '#shared/rpc/context.ts'
import { ItemBatch } from '#shared/rpc/items.ts'
import { linkTo, modelReport, startDispatcher } from '../workers/table.ts'
import { END, item, loading, runOn } from './run.ts'

const WORKERS = 10
const TOKENS = 12
const WHOLE = Array.from({ length: TOKENS }, (_, seq) => item(seq).text).join('')
const SILENCE_MS = 2000

/** Part of one attempt: some batches of tokens, and how it ends after them. */
interface Script {
  loads: boolean
  batches: number[]
  ends: 'end' | 'silence' | 'PEER_LOST' | 'SHUTTING_DOWN' | 'ENGINE_FAILED' | 'WORKER_OVERLOADED'
}

const SCRIPT = fc.record<Script>({
  loads: fc.boolean(),
  batches: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }),
  ends: fc.constantFrom(
    'end',
    'silence',
    'silence',
    'PEER_LOST',
    'SHUTTING_DOWN',
    'ENGINE_FAILED',
    'WORKER_OVERLOADED'
  )
})

/** Workers that follow the scripts, one for each attempt; later attempts answer whole. */
class ScriptedWorkers {
  readonly #scripts: Script[]
  attempts = 0
  running = 0

  constructor(scripts: readonly Script[]) {
    this.#scripts = [...scripts]
  }

  async *batches(
    { sent }: AttemptRequest,
    context: RequestContext
  ): AsyncGenerator<ItemBatch<InferenceItem>, InferenceEnd, void> {
    const script = this.#scripts.shift() ?? { loads: false, batches: [], ends: 'end' }
    let seq = sent?.tokenIds.length ?? 0
    const upTo = function* (end: number) {
      for (; seq < Math.min(TOKENS, end); seq++) yield item(seq)
    }
    this.running++
    if (script.ends !== 'WORKER_OVERLOADED') this.attempts++
    try {
      if (script.loads) yield ItemBatch.of(itemCodec, [loading()])
      if (script.ends === 'WORKER_OVERLOADED') throw new HaifError(script.ends, 'no slot is free')
      for (const count of script.batches) {
        context.signal.throwIfAborted()
        yield ItemBatch.of(itemCodec, [...upTo(seq + count)])
        await turn()
      }
      context.signal.throwIfAborted()
      if (script.ends === 'silence') await new Promise<void>((end) => context.onAbort(end))
      context.signal.throwIfAborted()
      if (script.ends !== 'end' && script.ends !== 'silence') throw new HaifError(script.ends, 'so')
      yield ItemBatch.of(itemCodec, [...upTo(TOKENS)])
      return END
    } finally {
      this.running--
    }
  }
}

test('R1 R2 R6 R8 R9 R13: whatever workers do, no token is lost or twice, and nothing stays', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const leaving = fc.oneof(fc.constant(Infinity), fc.integer({ min: 1, max: TOKENS }))
  const scripts = fc.array(SCRIPT, { maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(scripts, leaving, fc.boolean(), async (given, leaveAfter, watchQueue) => {
      const mesh = startDispatcher()
      const workers = new ScriptedWorkers(given)
      const links = Array.from({ length: WORKERS }, (_, i) =>
        linkTo(`w${i}`, { batches: (_contract, request, own) => workers.batches(request, own) })
      )
      // A report ends what a refusal has said of a worker.
      const reportAll = () => {
        for (const link of links) mesh.report(link.peer.key, [modelReport()], link)
      }
      reportAll()
      using context = createContext({ timeoutMs: 2 ** 31 - 1 })
      const { answer, items } = runOn(mesh, context, { request: { watchQueue }, leaveAfter })
      const outcome = answer.then(
        ({ end }) => ({ end, error: null }),
        (error: unknown) => ({ end: null, error })
      )
      const state = { isOver: false }
      void outcome.then(() => (state.isOver = true))
      for (let tries = 0; !state.isOver; tries++) {
        assert.ok(tries < 40, 'the request does not end')
        // Two that are silent for ever are ended by the deadline alone.
        if (tries === 30) context.abort(deadlineExceeded())
        for (let i = 0; i < 8; i++) await turn()
        mesh.clock.ms += SILENCE_MS
        t.mock.timers.tick(SILENCE_MS)
        reportAll()
      }
      for (let i = 0; i < 8; i++) await turn()
      const { end, error } = await outcome
      const text = items.map((each) => each.text).join('')
      assert.ok(WHOLE.startsWith(text), text)
      if (end !== null) assert.equal(text, WHOLE)
      if (error !== null) assert.ok(error instanceof HaifError, 'an error with a code')
      assert.ok(workers.attempts <= 8, `${workers.attempts} attempts`)
      assert.equal(workers.running, 0)
      assert.equal(mesh.dispatcher.waiting('m'), 0)
      for (const { load, workerKey } of mesh.table.holders('m')) assert.equal(load, 0, workerKey)
    }),
    { numRuns: 300 }
  )
})
