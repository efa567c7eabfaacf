import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Type } from 'typebox'
import { HaifError } from '#shared/errors.ts'
import type { Logger } from '#shared/process/log.ts'
import { createContext } from '#shared/rpc/context.ts'
import { WINDOW } from '#shared/rpc/consumer-stream.ts'
import { defineStream } from '#shared/rpc/contract.ts'
import { FRAME_CHARACTERS_MAX } from '#shared/rpc/frames.ts'
import { Router, type ServerContext } from '#shared/rpc/router.ts'
import { STREAMS_MAX } from '#shared/rpc/stream-channel.ts'
import { recordingLogger } from '../../helpers/peers/peer-log.ts'
import { contextFor, linkBetween, startDht, startPeer } from '../../helpers/peers/peers.ts'
import { until } from '../../helpers/until.ts'
import { ANYBODY } from '../../helpers/peers/anybody.ts'

const Request = Type.Object({ items: Type.Integer(), everyMs: Type.Optional(Type.Integer()) })
const countTo = defineStream(
  'test.count',
  ANYBODY,
  Request,
  Type.Object({ n: Type.Integer(), padding: Type.Optional(Type.String()) }),
  Type.Object({ total: Type.Integer() })
)
type Produce = (
  request: { items: number; everyMs?: number },
  context: ServerContext
) => AsyncGenerator<{ n: number; padding?: string }, { total: number }, void>

async function* count(request: Parameters<Produce>[0], { signal }: ServerContext) {
  for (let n = 0; n < request.items; n++) {
    if (request.everyMs !== undefined) await sleep(request.everyMs, undefined, { signal })
    yield { n }
  }
  return { total: request.items }
}

/** Two peers; the returned link is the dialler's, or the listener's when `reverse`. */
async function connect(t: TestContext, produce: Produce = count, reverse = false, log?: Logger) {
  const topicKey = await startDht(t)
  const router = new Router().serve(countTo, produce)
  const listener = await startPeer(t, topicKey, { role: 'gateway', router, ...(log && { log }) })
  const dialler = await startPeer(t, topicKey, { role: 'bridge', router })
  dialler.follow('gateway')
  const out = await linkBetween(dialler, listener)
  const back = await linkBetween(listener, dialler)
  return reverse ? { link: back, other: out } : { link: out, other: back }
}

async function readAll<Item, End>(stream: AsyncGenerator<Item, End, void>) {
  const items: Item[] = []
  for (;;) {
    const { done, value } = await stream.next()
    if (done === true) return { items, end: value }
    items.push(value)
  }
}

const numbers = (upTo: number) => Array.from({ length: upTo }, (_, n) => ({ n }))

for (const reverse of [false, true]) {
  const direction = reverse ? 'from listener to dialler' : 'from dialler to listener'
  test(`S4: items arrive in order, each once, then the end (${direction})`, async (t) => {
    const { link, other } = await connect(t, count, reverse)
    const { items, end } = await readAll(link.stream(countTo, { items: 5000 }, contextFor(t)))
    assert.deepEqual(items, numbers(5000))
    assert.deepEqual(end, { total: 5000 })
    await until(() => link.openStreams === 0 && other.openStreams === 0) // S9
  })
}

test('S1, S2, S8: a reader that stops reading stops the producer within one window', async (t) => {
  const itemCharacters = JSON.stringify({ n: 1, padding: 'x'.repeat(100) }).length
  const perWindow = Math.ceil(WINDOW / itemCharacters)
  let made = 0
  const { link } = await connect(t, async function* () {
    for (;;) yield { n: made++, padding: 'x'.repeat(100) }
  })
  const stream = link.stream(countTo, { items: 0 }, contextFor(t))
  await stream.next()
  await settled(() => made)
  assert.ok(made <= perWindow + 2, `${made} items made, ${perWindow} fit a window`)
  for (let read = 0; read < 1000; read++) await stream.next()
  await settled(() => made)
  assert.ok(made <= 1001 + 2 * perWindow + 2, `${made} items made after 1001 were read`)
  await stream.return({ total: 0 })
})

test('a slow reader of one stream does not hold up another', async (t) => {
  const { link } = await connect(t)
  const slow = link.stream(countTo, { items: 100_000 }, contextFor(t))
  await slow.next()
  const { items } = await readAll(link.stream(countTo, { items: 3000 }, contextFor(t)))
  assert.equal(items.length, 3000)
  await slow.return({ total: 0 })
})

test('S5: leaving the loop and aborting both stop the handler, and nothing stays', async (t) => {
  const stopped: number[] = []
  const { link, other } = await connect(t, (request, context) => {
    context.signal.addEventListener('abort', () => stopped.push(request.items))
    return count(request, context)
  })
  for await (const { n } of link.stream(countTo, { items: 1000, everyMs: 1 }, contextFor(t))) {
    if (n >= 5) break
  }
  await until(() => stopped.includes(1000))

  using context = createContext({ timeoutMs: 20_000 })
  const aborted = readAll(link.stream(countTo, { items: 2000, everyMs: 1 }, context))
  setTimeout(() => context.abort(new HaifError('CANCELLED', 'enough')), 20)
  await assert.rejects(aborted, { code: 'CANCELLED', message: 'enough' })
  await until(() => stopped.includes(2000))
  await until(() => link.openStreams === 0 && other.openStreams === 0) // S9
})

test('S6: when the connection closes, readers get PEER_LOST and handlers are aborted', async (t) => {
  let aborted = false
  const { link, other } = await connect(t, (request, context) => {
    context.signal.addEventListener('abort', () => (aborted = true))
    return count(request, context)
  })
  const reading = readAll(link.stream(countTo, { items: 1000, everyMs: 5 }, contextFor(t)))
  setTimeout(() => other.close('test'), 30)
  await assert.rejects(reading, { code: 'PEER_LOST' })
  await until(() => aborted)
  await assert.rejects(readAll(link.stream(countTo, { items: 1 }, contextFor(t))), {
    code: 'PEER_LOST'
  })
})

test('errors keep code, message, details and retryAfterMs; a TypeError becomes INTERNAL without its text', async (t) => {
  const { link } = await connect(t, async function* ({ items }) {
    yield { n: 0 }
    if (items === 0)
      return (undefined as unknown as { total: { valueOf(): number } }).total as never
    throw new HaifError('WORKER_OVERLOADED', 'no slot', { details: { slots: 4 }, retryAfterMs: 70 })
  })
  await assert.rejects(readAll(link.stream(countTo, { items: 1 }, contextFor(t))), {
    code: 'WORKER_OVERLOADED',
    message: 'no slot',
    details: { slots: 4 },
    retryAfterMs: 70
  })
  await assert.rejects(readAll(link.stream(countTo, { items: 0 }, contextFor(t))), {
    code: 'INTERNAL',
    message: 'internal error'
  })
  assert.equal(link.isClosed, false) // and the process is alive
})

test('a request, an item or an end that does not fit the contract is refused', async (t) => {
  const { link } = await connect(t, async function* ({ items }) {
    if (items === 1) yield { n: 'one' } as never
    return { total: 'many' } as never
  })
  const read = (request: unknown) =>
    readAll(link.stream(countTo, request as { items: number }, contextFor(t)))
  await assert.rejects(read({ items: 'x' }), {
    code: 'VALIDATION_FAILED',
    details: { param: 'items' }
  })
  await assert.rejects(read({ items: 1 }), /item of test.count: n must be integer/)
  await assert.rejects(read({ items: 0 }), /end of test.count: total must be integer/)
})

test('S10: the deadline ends a stream on both sides, also when the handler is stuck', async (t) => {
  let aborted: unknown
  const { link, other } = await connect(t, async function* (_request, { signal }) {
    await new Promise<void>((resolve) =>
      signal.addEventListener('abort', () => {
        aborted = signal.reason
        setTimeout(resolve, 50)
      })
    )
    yield { n: 0 }
    return { total: 0 }
  })
  using context = createContext({ timeoutMs: 100 })
  await assert.rejects(readAll(link.stream(countTo, { items: 1 }, context)), {
    code: 'DEADLINE_EXCEEDED'
  })
  await until(() => other.openStreams === 0)
  assert.ok(aborted instanceof HaifError)
})

test(`S7: over ${STREAMS_MAX} streams of one peer get STREAM_LIMIT`, async (t) => {
  const { link, other } = await connect(t)
  using context = createContext({ timeoutMs: 20_000 })
  const streams = Array.from({ length: STREAMS_MAX }, () =>
    link.stream(countTo, { items: 2, everyMs: 20_000 }, context)
  )
  const waiting = streams.map((stream) => assert.rejects(stream.next(), { code: 'CANCELLED' }))
  await until(() => other.openStreams === STREAMS_MAX)
  const oneMore = link.stream(countTo, { items: 1 }, contextFor(t))
  await assert.rejects(oneMore.next(), { code: 'STREAM_LIMIT' })
  context.abort(new HaifError('CANCELLED', 'enough'))
  await Promise.all(waiting)
  await until(() => other.openStreams === 0)
})

test('S5: an aborted context cancels at once, also while nobody reads', async (t) => {
  let reason: unknown
  const { link, other } = await connect(t, (request, context) => {
    context.signal.addEventListener('abort', () => (reason = context.signal.reason))
    return count(request, context)
  })
  using context = createContext({ timeoutMs: 20_000 })
  const stream = link.stream(countTo, { items: 1000, everyMs: 1 }, context)
  await stream.next()
  context.abort(new HaifError('CANCELLED', 'the client is gone'))
  await until(() => reason instanceof HaifError)
  await until(() => link.openStreams === 0 && other.openStreams === 0) // S9
  await assert.rejects(stream.next(), { code: 'CANCELLED', message: 'the client is gone' })
})

test('S4: an end that JSON cannot hold becomes INTERNAL, and an absent one is null', async (t) => {
  const { link } = await connect(t, async function* ({ items }) {
    yield { n: 0 }
    return (items === 1 ? { total: 1n } : undefined) as never
  })
  const read = (items: number) => readAll(link.stream(countTo, { items }, contextFor(t)))
  await assert.rejects(read(1), { code: 'INTERNAL', message: 'internal error' })
  await assert.rejects(read(0), { code: 'INTERNAL', message: /end of test.count/ })
  await assert.rejects(read(1), { code: 'INTERNAL' }) // the connection lives
})

test('whatever a stream handler throws becomes one error and one line in the log', async (t) => {
  let thrown: unknown
  const { log, lines } = recordingLogger()
  const produce: Produce = async function* () {
    yield { n: 0 }
    throw thrown
  }
  const { link } = await connect(t, produce, false, log)
  const cyclic: Record<string, unknown> = {}
  cyclic['self'] = cyclic
  const anything = [new TypeError('x'), 'a string', undefined, null, 12n, Symbol('s'), cyclic]
  for (const [before, each] of anything.entries()) {
    thrown = each
    await assert.rejects(readAll(link.stream(countTo, { items: 1 }, contextFor(t))), {
      code: 'INTERNAL',
      message: 'internal error'
    })
    await until(() => lines.length > before)
    assert.equal(lines.length, before + 1)
    assert.equal(lines.at(-1)?.['name'], 'test.count')
  }
  thrown = new HaifError('WORKER_OVERLOADED', 'no slot', { details: cyclic, retryAfterMs: NaN })
  await assert.rejects(readAll(link.stream(countTo, { items: 1 }, contextFor(t))), {
    code: 'WORKER_OVERLOADED',
    message: 'no slot'
  })
  assert.equal(lines.length, anything.length)
})

test('S12: an item or a request that is too large ends its stream, and the connection lives', async (t) => {
  const { link } = await connect(t, async function* () {
    yield { n: 0, padding: 'ü'.repeat(FRAME_CHARACTERS_MAX) }
    return { total: 1 }
  })
  const read = (request: object) =>
    readAll(link.stream(countTo, request as { items: number }, contextFor(t)))
  await assert.rejects(read({ items: 1 }), { code: 'BODY_TOO_LARGE' })
  await assert.rejects(read({ items: 1, more: 'ü'.repeat(FRAME_CHARACTERS_MAX) }), {
    code: 'BODY_TOO_LARGE'
  })
  await assert.rejects(read({ items: 1 }), { code: 'BODY_TOO_LARGE' })
  assert.equal(link.isClosed, false)
})

test('S9: a request that JSON cannot hold leaves nothing behind', async (t) => {
  const { link } = await connect(t)
  await assert.rejects(readAll(link.stream(countTo, { items: 1n as never }, contextFor(t))), {
    name: 'TypeError'
  })
  assert.equal(link.openStreams, 0)
})

/** Waits until a number has stood still for a while. */
async function settled(read: () => number): Promise<void> {
  for (let before = -1; before !== read();) {
    before = read()
    await sleep(50)
  }
}
