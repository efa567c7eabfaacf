import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { test, type TestContext } from 'node:test'
import {
  itemCodec,
  type InferenceEnd,
  type InferenceItem
} from '#shared/contracts/inference/answer.ts'
import { HaifError } from '#shared/errors.ts'
import { silentLogger } from '#shared/process/log.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import { ItemBatch, itemByItem } from '#shared/rpc/items.ts'
import { AttemptCounts } from '../../../../services/orchestrator/orchestrator-metrics.ts'
import { RequestRun } from '../../../../services/orchestrator/requests/request-run.ts'
import type { WorkerLink } from '../../../../services/orchestrator/workers/worker-link.ts'
import { ask, linkTo, longContext, modelReport, startDispatcher } from '../workers/table.ts'

type Said = InferenceItem | InferenceEnd | HaifError

/** A worker that says what the test lets it say. */
class FakeWorker {
  readonly #said: Said[] = []
  #wake: () => void = () => {}

  say(...said: Said[]): void {
    this.#said.push(...said)
    this.#wake()
  }

  linkAs(key: string): WorkerLink {
    return linkTo(key, { batches: (_contract, _request, context) => this.#batches(context) })
  }

  async *#batches({
    signal
  }: RequestContext): AsyncGenerator<ItemBatch<InferenceItem>, InferenceEnd, void> {
    signal.addEventListener('abort', () => this.#wake())
    for (;;) {
      signal.throwIfAborted()
      const said = this.#said.shift()
      if (said instanceof Error) throw said
      if (said === undefined) await new Promise<void>((resolve) => (this.#wake = resolve))
      else if ('finishReason' in said) return said
      else yield ItemBatch.of(itemCodec, [said])
    }
  }
}

const item = (seq: number): InferenceItem => ({ seq, tokenIds: [seq], text: `${seq} ` })
const END = { finishReason: 'length', model: 'm' } as InferenceEnd

/** Workers `a` and `b`, and a request that is placed on `a` first. */
async function startRun(t: TestContext, deps: { assertUp?: () => void } = {}) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const mesh = startDispatcher()
  const [a, b] = [new FakeWorker(), new FakeWorker()]
  mesh.report('a', [modelReport()], a.linkAs('a'))
  const requestRun = new RequestRun(
    {
      dispatcher: mesh.dispatcher,
      counts: new AttemptCounts(),
      log: silentLogger(),
      now: () => mesh.clock.ms,
      onBegun: () => {},
      assertUp: () => {},
      ...deps
    },
    {
      model: 'm',
      input: { mode: 'direct', prompt: 'p' },
      maxTokens: 8,
      sampling: {},
      explain: true
    },
    longContext(t),
    { ...ask(), explain: true }
  )
  const run = itemByItem(requestRun.run())
  let text = ''
  const answer = (async () => {
    for (;;) {
      const { done, value } = await run.next()
      if (done === true) return { text, end: value }
      text += value.text
    }
  })()
  answer.catch(() => {}) // the test looks at it later
  await turn()
  return {
    ...mesh,
    a,
    b,
    answer,
    addB: () => mesh.report('b', [modelReport()], b.linkAs('b')),
    /** The attempts stay silent for so long. */
    pass: async (ms: number) => {
      mesh.clock.ms += ms
      t.mock.timers.tick(ms)
      await turn()
    }
  }
}

const SILENCE_MS = 1500

test('a rival that comes too late is not blamed, and a worker that was too slow is', async (t) => {
  const { a, b, answer, addB, pass, table } = await startRun(t)
  a.say(item(0))
  await turn()
  addB()
  await pass(SILENCE_MS)
  assert.equal(table.holding('b', 'm')!.load, 1)
  a.say(item(1))
  await turn()
  assert.equal(table.holding('b', 'm')!.load, 0)
  assert.deepEqual(table.holding('b', 'm')!.breaker, { kind: 'closed', failures: 0 })
  await pass(SILENCE_MS)
  b.say(item(2), END)
  const { text, end } = await answer
  assert.equal(text, '0 1 2 ')
  assert.deepEqual(end.workers, ['a', 'b', 'b'])
  assert.equal(end.explanations!.length, 3)
  assert.deepEqual(table.holding('a', 'm')!.breaker, { kind: 'closed', failures: 1 })
})

test('a rival that cannot serve the request does not end the attempt beside it', async (t) => {
  const { a, b, answer, addB, pass } = await startRun(t)
  addB()
  await pass(SILENCE_MS)
  b.say(new HaifError('CONTEXT_TOO_LONG', 'b has a smaller context'))
  await turn()
  a.say(item(0), END)
  assert.equal((await answer).text, '0 ')
})

test('a refusal is no attempt, and its explanation is not told', async (t) => {
  const { a, b, answer, addB } = await startRun(t)
  addB()
  a.say(new HaifError('WORKER_OVERLOADED', 'all slots are taken'))
  await turn()
  b.say(item(0), END)
  const { end } = await answer
  assert.equal(end.attempts, 1)
  assert.deepEqual(
    end.explanations!.map(({ worker }) => worker),
    ['b']
  )
})

test('a worker that stops is lost to the caller: the orchestrator is not stopping', async (t) => {
  const { a, answer } = await startRun(t)
  a.say(item(0), new HaifError('SHUTTING_DOWN', 'the worker stopped before the answer was done'))
  await assert.rejects(answer, { code: 'WORKER_LOST' })
})

test('an orchestrator that stops says so, and not that its workers are lost', async (t) => {
  let stopping = false
  const { a, answer } = await startRun(t, {
    assertUp: () => {
      if (stopping) throw new HaifError('SHUTTING_DOWN', 'stopping')
    }
  })
  stopping = true
  a.say(new HaifError('PEER_LOST', 'the connection broke'))
  await assert.rejects(answer, { code: 'SHUTTING_DOWN' })
})
