import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { Type } from 'typebox'
import { HaifError } from '#shared/errors.ts'
import { createContext } from '#shared/rpc/context.ts'
import { defineMethod, defineStream } from '#shared/rpc/contract.ts'
import { Router, type ServerContext } from '#shared/rpc/router.ts'
import { recordingLogger } from '../../helpers/peers/peer-log.ts'
import { dialAsMember } from '../../helpers/peers/peer-raw.ts'
import { contextFor, linkBetween, startDht, startPeer } from '../../helpers/peers/peers.ts'
import { until } from '../../helpers/until.ts'
import { ANYBODY } from '../../helpers/peers/anybody.ts'

const Request = Type.Object({ n: Type.Integer({ maximum: 1000 }) }, { additionalProperties: false })
const double = defineMethod('test.double', ANYBODY, Request, Type.Object({ n: Type.Integer() }))
const flood = defineStream('test.flood', ANYBODY, Type.Object({}), Type.String(), Type.Null())

type Answer = (request: { n: number }, context: ServerContext) => Promise<{ n: number }>

const doubled: Answer = async ({ n }) => ({ n: 2 * n })

async function connect(t: TestContext, answer: Answer = doubled) {
  const topicKey = await startDht(t)
  const { log, lines } = recordingLogger()
  const router = new Router().respond(double, answer).serve(flood, async function* () {
    for (;;) yield 'x'.repeat(4096)
  })
  const listener = await startPeer(t, topicKey, { role: 'gateway', router, log })
  const dialler = await startPeer(t, topicKey, { role: 'bridge', router })
  dialler.follow('gateway')
  const link = await linkBetween(dialler, listener)
  return { link, back: await linkBetween(listener, dialler), lines }
}

test('calls go both ways over one connection, also at the same time', async (t) => {
  const { link, back } = await connect(t)
  const calls = Array.from({ length: 100 }, (_, n) =>
    (n % 2 === 0 ? link : back).call(double, { n }, contextFor(t))
  )
  const replies = await Promise.all(calls)
  assert.deepEqual(
    replies,
    replies.map((_, n) => ({ n: 2 * n }))
  )
})

test('the handler knows who asks, the request id, the trace and the time that is left', async (t) => {
  const seen: ServerContext[] = []
  const { link, back } = await connect(t, async (request, context) => {
    seen.push(context)
    return doubled(request, context)
  })
  using context = createContext({ requestId: 'r1', traceparent: '00-ab-cd-01', timeoutMs: 9000 })
  await link.call(double, { n: 1 }, context)
  assert.deepEqual(seen[0]?.peer, back.peer)
  assert.equal(seen[0].requestId, 'r1')
  assert.equal(seen[0].traceparent, '00-ab-cd-01')
  assert.ok(seen[0].remainingMs() <= 9000 && seen[0].remainingMs() > 0)
})

test('C3: the deadline ends a call on both sides, also when the handler is stuck', async (t) => {
  let reason: unknown
  const { link } = await connect(t, async (_request, { signal }) => {
    await new Promise(() => signal.addEventListener('abort', () => (reason = signal.reason)))
    return { n: 0 }
  })
  using context = createContext({ timeoutMs: 50 })
  await assert.rejects(link.call(double, { n: 1 }, context), { code: 'DEADLINE_EXCEEDED' })
  await until(() => reason instanceof HaifError && reason.code === 'DEADLINE_EXCEEDED')
})

test('C4: a cancelled call rejects at once, and its handler is told', async (t) => {
  let reason: unknown
  const { link } = await connect(t, async (_request, { signal }) => {
    queueMicrotask(() => context.abort(new HaifError('CANCELLED', 'enough')))
    await new Promise((_, reject) =>
      signal.addEventListener('abort', () => {
        reason = signal.reason
        reject(signal.reason as Error)
      })
    )
    return { n: 0 }
  })
  using context = createContext({ timeoutMs: 20_000 })
  await assert.rejects(link.call(double, { n: 1 }, context), {
    code: 'CANCELLED',
    message: 'enough'
  })
  await until(() => reason instanceof HaifError && reason.code === 'CANCELLED')
  await assert.rejects(link.call(double, { n: 1 }, context), { code: 'CANCELLED' })
})

test('C5: when the connection closes, callers get PEER_LOST and handlers are aborted', async (t) => {
  let reason: unknown
  const { link, back } = await connect(t, async (_request, { signal }) => {
    setImmediate(() => back.close('test'))
    await new Promise((resolve) =>
      signal.addEventListener('abort', () => {
        reason = signal.reason
        resolve(null)
      })
    )
    return { n: 0 }
  })
  await assert.rejects(link.call(double, { n: 1 }, contextFor(t)), { code: 'PEER_LOST' })
  await until(() => reason instanceof HaifError)
  await assert.rejects(link.call(double, { n: 1 }, contextFor(t)), { code: 'PEER_LOST' })
})

test('a request or a reply that does not fit the contract is refused, and says where', async (t) => {
  const { link, lines } = await connect(t, async ({ n }) =>
    n === 1 ? ({ n: 'two' } as never) : { n: 2n as never }
  )
  const call = (request: unknown) => link.call(double, request as { n: number }, contextFor(t))
  await assert.rejects(call({ n: 'x' }), {
    code: 'VALIDATION_FAILED',
    message: 'test.double: n must be integer',
    details: { param: 'n' }
  })
  await assert.rejects(call({ n: 5000 }), { code: 'VALIDATION_FAILED' })
  await assert.rejects(call({ n: 1, more: 1 }), { code: 'VALIDATION_FAILED' })
  await assert.rejects(call(null), { code: 'VALIDATION_FAILED' })
  assert.equal(lines.length, 0) // expected errors travel to the caller, and are no line here
  await assert.rejects(call({ n: 1 }), {
    code: 'INTERNAL',
    message: /reply of test.double: n must/
  })
  await assert.rejects(call({ n: 2 }), { code: 'INTERNAL', message: 'internal error' })
})

test('C1: whatever a handler throws becomes one error and one line in the log', async (t) => {
  let thrown: unknown
  const { link, back, lines } = await connect(t, async ({ n }) => {
    if (n === 0) throw thrown
    return { n }
  })
  const anything = [
    new TypeError('x is not a function'),
    new RangeError('out of range'),
    'a string',
    undefined,
    null,
    0,
    12n,
    Symbol('s'),
    { code: 'WORKER_OVERLOADED' },
    Object.assign(new Error('coded'), { code: 'ENOENT' })
  ]
  for (const [count, each] of anything.entries()) {
    thrown = each
    await assert.rejects(link.call(double, { n: 0 }, contextFor(t)), {
      code: 'INTERNAL',
      message: 'internal error'
    })
    assert.equal(lines.length, count + 1, `one line for ${inspect(each)}`)
    assert.equal(lines.at(-1)?.['name'], 'test.double')
    assert.equal(typeof lines.at(-1)?.['requestId'], 'string')
  }
  assert.deepEqual(await link.call(double, { n: 3 }, contextFor(t)), { n: 3 })
  assert.equal(back.isClosed, false)
})

test('code, message, details and retryAfterMs of an error survive; details that JSON cannot hold are left out', async (t) => {
  let details: Record<string, unknown>
  const { link } = await connect(t, async () => {
    throw new HaifError('WORKER_OVERLOADED', 'no slot', { details, retryAfterMs: 70 })
  })
  const thrown = async (given: Record<string, unknown>) => {
    details = given
    return link.call(double, { n: 1 }, contextFor(t)).catch((error: unknown) => error)
  }
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.string(), fc.jsonValue()), async (given) => {
      const { code, message, details, retryAfterMs } = (await thrown(given)) as HaifError
      assert.deepEqual([code, message, retryAfterMs], ['WORKER_OVERLOADED', 'no slot', 70])
      assert.deepEqual(details, JSON.parse(JSON.stringify(given)))
    }),
    { numRuns: 30 }
  )
  const cyclic: Record<string, unknown> = {}
  cyclic['self'] = cyclic
  for (const bad of [cyclic, { n: 1n }, { huge: 'x'.repeat(100_000) }]) {
    const error = (await thrown(bad)) as HaifError
    assert.equal(error.code, 'WORKER_OVERLOADED')
    assert.equal(error.details, undefined)
  }
})

test('a method that the peer does not have is PROTOCOL_MISMATCH and names it', async (t) => {
  const { link } = await connect(t)
  const missing = defineMethod('test.missing', ANYBODY, Request, Type.Null())
  await assert.rejects(link.call(missing, { n: 1 }, contextFor(t)), {
    code: 'PROTOCOL_MISMATCH',
    message: /test\.missing/
  })
})

test('C2: a request that is too large is refused here, and the connection lives', async (t) => {
  const { link } = await connect(t)
  const large = defineMethod('test.double', ANYBODY, Type.Any(), Type.Any())
  await assert.rejects(link.call(large, 'x'.repeat(5 * 2 ** 20), contextFor(t)), {
    code: 'BODY_TOO_LARGE'
  })
  assert.deepEqual(await link.call(double, { n: 3 }, contextFor(t)), { n: 6 })
})

test('C2: a reply that is too large becomes an error, and the connection lives', async (t) => {
  const topicKey = await startDht(t)
  const large = defineMethod(
    'test.large',
    ANYBODY,
    Type.Object({ length: Type.Integer() }),
    Type.String()
  )
  const router = new Router().respond(large, ({ length }) => 'x'.repeat(length))
  const listener = await startPeer(t, topicKey, { role: 'gateway', router })
  const dialler = await startPeer(t, topicKey, { role: 'bridge' })
  dialler.follow('gateway')
  const link = await linkBetween(dialler, listener)
  const call = (length: number) => link.call(large, { length }, contextFor(t))
  const most = 4 * 2 ** 20 - '{"ok":""}'.length
  assert.equal((await call(most)).length, most)
  await assert.rejects(call(most + 1), { code: 'INTERNAL' }) // not the fault of whoever asks
  assert.equal((await call(1)).length, 1)
})

test('C2: a side answers 1,024 calls of one peer at a time, and refuses one more', async (t) => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  let begun = 0
  const { link, back } = await connect(t, async (request, context) => {
    begun++
    if (request.n === 0) await released
    return doubled(request, context)
  })
  const stuck = Array.from({ length: 1024 }, () => link.call(double, { n: 0 }, contextFor(t)))
  await until(() => begun === 1024)
  await assert.rejects(link.call(double, { n: 1 }, contextFor(t)), { code: 'STREAM_LIMIT' })
  assert.equal(begun, 1024)
  assert.deepEqual(await back.call(double, { n: 1 }, contextFor(t)), { n: 2 }) // the other way
  release()
  await Promise.all(stuck)
  assert.deepEqual(await link.call(double, { n: 1 }, contextFor(t)), { n: 2 })
})

test('C1: the answer to a call is one error with a code, and what nobody foresaw is not told', async (t) => {
  const topicKey = await startDht(t)
  const { log, lines } = recordingLogger()
  const router = new Router().respond(double, ({ n }) => {
    throw n === 0 ? new Error('a secret') : new HaifError('NO_PEER', 'nobody is there')
  })
  const mesh = await startPeer(t, topicKey, { role: 'gateway', router, log })
  const raw = await dialAsMember(t, topicKey, mesh)
  const e = { requestId: 'r', deadlineMs: 20_000 }
  const call = (i: number, n: number) => raw.request('test.double', { i, e, v: { n } })
  assert.deepEqual(await call(1, 0), { error: { code: 'INTERNAL', message: 'internal error' } })
  assert.equal(lines.length, 1)
  assert.match(JSON.stringify(lines[0]), /a secret/)
  assert.deepEqual(await call(2, 1), { error: { code: 'NO_PEER', message: 'nobody is there' } })
  assert.equal(lines.length, 1)
})

test('a call is answered while streams in both directions are saturated', async (t) => {
  const { link, back } = await connect(t)
  using context = createContext({ timeoutMs: 20_000 })
  const reading = [link, back, link, back].map(async (each) => {
    for await (const item of each.stream(flood, {}, context)) assert.equal(item.length, 4096)
  })
  for (let n = 0; n < 50; n++) {
    assert.deepEqual(await link.call(double, { n }, contextFor(t)), { n: 2 * n })
    assert.deepEqual(await back.call(double, { n }, contextFor(t)), { n: 2 * n })
  }
  context.abort(new HaifError('CANCELLED', 'enough'))
  for (const each of reading) await assert.rejects(each, { code: 'CANCELLED' })
})
