import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'
import { HaifError } from '#shared/errors.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import { END, item, loading, startRun } from './run.ts'

const SILENCE_MS = 1500
/** The details of a worker that has counted a prompt's tokens. */
const COUNTED = { promptTokens: 9000, contextTokens: 4096 }

test('R3 R5: a rival that comes too late is not blamed, and a worker that was too slow is', async (t) => {
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
  assert.deepEqual(end!.workers, ['a', 'b', 'b'])
  assert.equal(end!.explanations!.length, 3)
  assert.deepEqual(table.holding('a', 'm')!.breaker, { kind: 'closed', failures: 1 })
})

test('R7: a rival that cannot serve the request does not end the attempt beside it', async (t) => {
  const { a, b, answer, addB, pass } = await startRun(t)
  addB()
  await pass(SILENCE_MS)
  b.say(new HaifError('CONTEXT_TOO_LONG', 'b has a smaller context'))
  await turn()
  a.say(item(0), END)
  assert.equal((await answer).text, '0 ')
})

test('R6: a refusal is no attempt, and its explanation is not in the answer', async (t) => {
  const { a, b, answer, addB } = await startRun(t)
  addB()
  a.say(new HaifError('WORKER_OVERLOADED', 'all slots are taken'))
  await turn()
  b.say(item(0), END)
  const { end } = await answer
  assert.equal(end!.attempts, 1)
  assert.deepEqual(
    end!.explanations!.map(({ worker }) => worker),
    ['b']
  )
})

test('R10: a worker that stops is lost to the caller: the orchestrator is not stopping', async (t) => {
  const { a, answer } = await startRun(t)
  a.say(item(0), new HaifError('SHUTTING_DOWN', 'the worker stopped before the answer was done'))
  await assert.rejects(answer, { code: 'WORKER_LOST' })
})

test('R17: an answer goes on when its only worker is back, and nothing is lost or doubled', async (t) => {
  const { a, b, answer, items, addB } = await startRun(t, {
    returnMs: 1000,
    request: { watchQueue: true }
  })
  a.say(item(0), item(1), new HaifError('PEER_LOST', 'its address has changed'))
  while (!items.some(({ queued }) => queued !== undefined)) await turn()
  addB()
  b.say(item(2), END)
  assert.equal((await answer).text, '0 1 2 ')
  assert.equal(b.served.length, 1)
})

test('R10: an orchestrator that stops says so, and not that its workers are lost', async (t) => {
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

test('R1 R2: the next attempt continues after what was passed on, and the fenced one is told to stop', async (t) => {
  const { a, b, answer, addB, pass } = await startRun(t)
  a.say(item(0), item(1))
  await turn()
  addB()
  await pass(SILENCE_MS)
  assert.deepEqual(b.served[0]!.request.sent!.tokenIds, [0, 1])
  b.say(item(2))
  await turn()
  assert.ok(a.served[0]!.isOver)
  a.say(item(2), item(3)) // too late: nobody reads it
  b.say(item(3), END)
  assert.equal((await answer).text, '0 1 2 3 ')
})

test('R4: a silent attempt gets one rival, and only where one can begin now', async (t) => {
  const { a, add, answer, pass, dispatcher } = await startRun(t)
  await pass(SILENCE_MS)
  assert.equal(dispatcher.waiting('m'), 0)
  const [second, third] = [add('b'), add('c')]
  await pass(SILENCE_MS)
  await pass(SILENCE_MS)
  await pass(SILENCE_MS)
  assert.equal(second.served.length + third.served.length, 1)
  a.say(item(0), END)
  assert.equal((await answer).end!.attempts, 2)
})

test('R6: a request has eight attempts, each on another worker', async (t) => {
  const { a, add, answer } = await startRun(t)
  const workers = [a, ...Array.from({ length: 9 }, (_, i) => add(`w${i}`))]
  for (const worker of workers) worker.say(new HaifError('ENGINE_FAILED', 'the process died'))
  await assert.rejects(answer, { code: 'ENGINE_FAILED' })
  const served = workers.map((worker) => worker.served.length)
  assert.deepEqual([Math.max(...served), served.reduce((sum, each) => sum + each)], [1, 8])
})

test('R6: refusals for want of a slot have a bound of their own', async (t) => {
  const { a, add, answer } = await startRun(t)
  const workers = [a, ...Array.from({ length: 40 }, (_, i) => add(`w${i}`))]
  for (const worker of workers) worker.say(new HaifError('WORKER_OVERLOADED', 'no slot is free'))
  await assert.rejects(answer, { code: 'WORKER_OVERLOADED' })
  assert.equal(workers.flatMap(({ served }) => served).length, 32)
})

test('R7: what the request is to blame for ends it, and so does a failure where it cannot go on', async (t) => {
  const { a, b, answer, addB } = await startRun(t)
  addB()
  a.say(new HaifError('CONTEXT_TOO_LONG', 'the prompt is too long'))
  await assert.rejects(answer, { code: 'CONTEXT_TOO_LONG' })
  assert.equal(b.served.length, 0)
})

test('R7: after tool calls without token ids no other worker goes on', async (t) => {
  const { a, b, answer, addB } = await startRun(t)
  addB()
  const toolCalls = [{ index: 0, id: 'c', name: 'f', arguments: '{' }]
  a.say({ seq: 0, tokenIds: [], tokens: 1, text: '', toolCalls })
  await turn()
  a.say(new HaifError('PEER_LOST', 'the connection broke'))
  await assert.rejects(answer, { code: 'WORKER_LOST' })
  assert.equal(b.served.length, 0)
})

test('R11: a worker that loads the model wins no race, and only callers that watch hear of it', async (t) => {
  for (const watchQueue of [false, true]) {
    const { a, b, answer, items, addB, pass } = await startRun(t, { request: { watchQueue } })
    addB()
    await pass(SILENCE_MS)
    a.say(loading())
    await turn()
    assert.equal(b.served[0]!.isOver, false)
    b.say(loading(), item(0), END)
    assert.equal((await answer).text, '0 ')
    assert.equal(items.filter(({ queued }) => queued !== undefined).length, watchQueue ? 2 : 0)
    t.mock.timers.reset()
  }
})

test('R12: the caller gets the failure, and not that nobody else could have served it', async (t) => {
  const { a, answer } = await startRun(t)
  a.say(new HaifError('ENGINE_FAILED', 'the process died'))
  await assert.rejects(answer, { code: 'ENGINE_FAILED' })
})

test('R13: a request that has ended leaves nothing to its caller or in the queue', async (t) => {
  let listeners = 0
  const counted = (context: RequestContext): RequestContext => ({
    ...context,
    onAbort: (listener) => {
      const stop = context.onAbort(listener)
      listeners++
      return () => {
        listeners--
        stop()
      }
    }
  })
  const { a, b, answer, addB, pass, table, dispatcher, context } = await startRun(t, {
    seen: counted
  })
  addB()
  await pass(SILENCE_MS)
  b.say(item(0))
  await turn()
  a.say(item(0))
  b.say(END)
  await answer
  await turn()
  assert.equal(listeners, 0)
  assert.equal(getEventListeners(context.signal, 'abort').length, 0)
  assert.deepEqual([a.served[0]!.isOver, b.served[0]!.isOver], [true, true])
  assert.deepEqual(
    [...table.holders('m')].map(({ load }) => load),
    [0, 0]
  )
  assert.equal(dispatcher.waiting('m'), 0)
})

test('R16: a prompt that is too long for one worker goes to one with a longer context', async (t) => {
  const { a, answer, add } = await startRun(t)
  const [short, long] = [add('short', 8192), add('long', 40_960)]
  a.say(new HaifError('CONTEXT_TOO_LONG', 'too long', { details: COUNTED }))
  await turn()
  assert.equal(short.served.length, 0)
  long.say(item(0), END)
  assert.deepEqual((await answer).end!.workers, ['a', 'long'])
})

const REFUSED = new HaifError('UNSUPPORTED_PARAMETER', 'no tools', { details: { param: 'tools' } })

test('R16: what one worker refuses for what it is goes to one that is not like it', async (t) => {
  const { a, b, answer, addB } = await startRun(t, { model: { digest: 'x' } })
  addB({ digest: 'y' })
  a.say(REFUSED)
  await turn()
  b.say(item(0), END)
  assert.deepEqual((await answer).end!.workers, ['a', 'b'])
})

test('R16: where all are alike, or none takes it, the caller hears the refusal', async (t) => {
  const alike = await startRun(t, { model: { digest: 'x' } })
  alike.addB({ digest: 'x' })
  alike.a.say(REFUSED)
  await assert.rejects(alike.answer, REFUSED)
  assert.equal(alike.b.served.length, 0)
  t.mock.timers.reset()
  const unlike = await startRun(t, { model: { digest: 'x' } })
  unlike.addB({ digest: 'x', engine: 'openai' })
  unlike.a.say(REFUSED)
  unlike.b.say(REFUSED)
  await assert.rejects(unlike.answer, REFUSED)
  assert.equal(unlike.b.served.length, 1)
})

test('R16: where no context is longer the caller hears the size of its prompt', async (t) => {
  const { a, answer, addB } = await startRun(t)
  addB({ contextTokens: 8192 })
  a.say(new HaifError('CONTEXT_TOO_LONG', 'the prompt has 9000 tokens', { details: COUNTED }))
  await assert.rejects(answer, { code: 'CONTEXT_TOO_LONG', details: COUNTED })
})
