/** The first seconds of an orchestrator, by a clock that the test turns. */
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test, type TestContext } from 'node:test'
import { createContext } from '#shared/rpc/context.ts'
import { HaifError } from '#shared/errors.ts'
import { WarmUp } from '../../../../services/orchestrator/workers/warm-up.ts'
import { contextFor } from '../../../helpers/peers/peers.ts'

const SETTLE_MS = 4000

/** `turn` moves the clock and the timers, and lets what was woken run. */
function startSettling(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let now = 1000
  const warmUp = new WarmUp({ settleMs: SETTLE_MS, now: () => now })
  const turn = async (ms: number) => {
    now += ms
    t.mock.timers.tick(ms)
    await new Promise(setImmediate)
  }
  warmUp.start()
  return { warmUp, turn }
}

/** What became of a request that waits. */
function waiting(t: TestContext, warmUp: WarmUp, condition: () => boolean) {
  const context = createContext({ timeoutMs: 60_000 })
  t.after(() => context[Symbol.dispose]())
  const outcome = { over: false, error: null as unknown }
  void warmUp
    .wait(condition, context)
    .catch((error: unknown) => (outcome.error = error))
    .finally(() => (outcome.over = true))
  return { outcome, context }
}

test('without a start nothing waits', async (t) => {
  const warmUp = new WarmUp({ settleMs: SETTLE_MS, now: () => 1000 })
  assert.ok(warmUp.isOver)
  await warmUp.wait(() => false, contextFor(t))
})

test('a request waits until the time is over when no worker comes', async (t) => {
  const { warmUp, turn } = startSettling(t)
  const { outcome } = waiting(t, warmUp, () => false)
  await turn(SETTLE_MS - 1)
  assert.deepEqual([outcome.over, warmUp.isOver], [false, false])
  await turn(1)
  assert.deepEqual(outcome, { over: true, error: null })
  assert.ok(warmUp.isOver)
})

test('a request goes on with the report of a worker that has what it needs, and not before', async (t) => {
  const { warmUp, turn } = startSettling(t)
  let held = ''
  const first = waiting(t, warmUp, () => held.includes('a'))
  const second = waiting(t, warmUp, () => held.includes('b'))
  await turn(100)
  held = 'a'
  await turn(0)
  assert.equal(first.outcome.over, false) // nobody has said it
  warmUp.reported()
  await turn(0)
  assert.deepEqual([first.outcome.over, second.outcome.over], [true, false])
  held = 'ab'
  warmUp.reported()
  await turn(0)
  assert.deepEqual(second.outcome, { over: true, error: null })
})

test('a condition that holds needs no worker', async (t) => {
  const { warmUp, turn } = startSettling(t)
  const { outcome } = waiting(t, warmUp, () => true)
  await turn(0)
  assert.equal(outcome.over, true)
})

test('from the first worker on, the others have a quarter of the time', async (t) => {
  const { warmUp, turn } = startSettling(t)
  const { outcome } = waiting(t, warmUp, () => false)
  await turn(500)
  warmUp.reported()
  await turn(SETTLE_MS / 4 - 1)
  assert.equal(outcome.over, false)
  warmUp.reported() // a second one gives no more time
  await turn(1)
  assert.equal(outcome.over, true)
  assert.ok(warmUp.isOver)
})

test('a first worker that comes late does not make it longer', async (t) => {
  const { warmUp, turn } = startSettling(t)
  const { outcome } = waiting(t, warmUp, () => false)
  await turn(SETTLE_MS - 10)
  warmUp.reported()
  await turn(9)
  assert.equal(outcome.over, false)
  await turn(1)
  assert.equal(outcome.over, true)
})

test('a request that is aborted while it waits ends with its reason, and the others go on', async (t) => {
  const { warmUp, turn } = startSettling(t)
  const gone = waiting(t, warmUp, () => false)
  const other = waiting(t, warmUp, () => false)
  await turn(10)
  const reason = new HaifError('CANCELLED', 'the client has left')
  gone.context.abort(reason)
  await turn(0)
  assert.deepEqual(gone.outcome, { over: true, error: reason })
  assert.equal(other.outcome.over, false)
  await turn(SETTLE_MS)
  assert.deepEqual(other.outcome, { over: true, error: null })
})

test('a request that was aborted before is not let in when the time is over', async (t) => {
  const { warmUp, turn } = startSettling(t)
  await turn(SETTLE_MS)
  using context = createContext({ timeoutMs: 60_000 })
  context.abort(new HaifError('CANCELLED', 'the client has left'))
  await assert.rejects(
    warmUp.wait(() => true, context),
    { code: 'CANCELLED' }
  )
})

test('a request that waits through many reports has one listener, and none after it', async (t) => {
  const { warmUp, turn } = startSettling(t)
  const context = createContext({ timeoutMs: 60_000 })
  t.after(() => context[Symbol.dispose]())
  let listeners = 0
  const onAbort = (listener: () => void) => {
    const stop = context.onAbort(listener)
    listeners++
    return () => {
      listeners--
      stop()
    }
  }
  const waited = warmUp.wait(() => false, { ...context, onAbort })
  const all = () => listeners + getEventListeners(context.signal, 'abort').length
  for (let report = 0; report < 200; report++) {
    warmUp.reported()
    await turn(0)
  }
  assert.equal(all(), 1)
  await turn(SETTLE_MS)
  await waited
  assert.equal(all(), 0)
})
