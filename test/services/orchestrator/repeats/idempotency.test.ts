import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'
import fc from 'fast-check'
import type { InferenceEnd, InferenceItem } from '#shared/contracts/inference/answer.ts'
import type { InferenceRequest } from '#shared/contracts/inference/request.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import { HaifError } from '#shared/errors.ts'
import { IdempotentAnswers } from '../../../../services/orchestrator/repeats/idempotency.ts'
import { requestOf, type FlatRequest } from '../../../helpers/requests.ts'
import { longContext } from '../workers/table.ts'

const request = (given: FlatRequest = {}): InferenceRequest =>
  requestOf({ model: 'm', prompt: 'p', maxTokens: 8, ...given })

const KEY = { tenant: 'a', idempotencyKey: 'k' }
const END = { model: 'm', finishReason: 'length' } as InferenceEnd

/** A run that gives the letters of `text` as tokens, so many in an item, and counts its calls. */
function runOf(text: string, perItem = 1) {
  const runs: InferenceRequest[] = []
  async function* run(asked: InferenceRequest): AsyncGenerator<InferenceItem, InferenceEnd, void> {
    runs.push(asked)
    for (let seq = asked.sent?.tokenIds.length ?? 0; seq < text.length; seq += perItem) {
      const part = text.slice(seq, seq + perItem)
      yield { seq, tokenIds: idsOf(part), text: part }
    }
    return END
  }
  return { run, runs }
}

const idsOf = (text: string) => Array.from(text, (letter) => letter.charCodeAt(0))

const sentOf = (text: string) => ({
  text,
  tokenIds: idsOf(text)
})

async function read(
  answers: IdempotentAnswers,
  asked: InferenceRequest,
  context: RequestContext,
  run: ReturnType<typeof runOf>['run'],
  key = KEY
) {
  const stream = answers.stream(key, asked, context, run)
  let text = ''
  const tokenIds: number[] = []
  const items: InferenceItem[] = []
  for (;;) {
    const { done, value } = await stream.next()
    if (done === true) break
    items.push(value)
    text += value.text
    tokenIds.push(...value.tokenIds)
  }
  assert.equal(String.fromCharCode(...tokenIds), text)
  return { text, items }
}

test('I4: a repeated request gets the whole answer, also when the first one was a continuation', async (t) => {
  const answers = new IdempotentAnswers()
  const { run, runs } = runOf('abcdefgh')
  const context = longContext(t)
  const continued = await read(answers, request({ sent: sentOf('abc') }), context, run)
  assert.equal(continued.text, 'defgh')
  assert.equal((await read(answers, request(), context, run)).text, 'abcdefgh')
  assert.equal(runs.length, 1)
})

test('I4: two that continue at different places get each what it lacks, and nothing twice', async (t) => {
  const answers = new IdempotentAnswers()
  const { run, runs } = runOf('abcdefgh', 3)
  const context = longContext(t)
  const texts = await Promise.all(
    ['abcd', 'ab', 'abcde', 'abcdefgh'].map(async (has) => {
      const { text } = await read(answers, request({ sent: sentOf(has) }), context, run)
      return has + text
    })
  )
  assert.deepEqual(
    texts,
    Array.from({ length: 4 }, () => 'abcdefgh')
  )
  assert.equal(runs.length, 1)
})

test('I5: a reader of another answer gets the rest of that one', async (t) => {
  const answers = new IdempotentAnswers()
  const context = longContext(t)
  await read(answers, request(), context, runOf('abcdefgh').run)
  const { run, runs } = runOf('axyzefgh')
  const { text } = await read(answers, request({ sent: sentOf('axyz') }), context, run)
  assert.equal(text, 'efgh')
  assert.equal(runs.length, 1)
  const longer = await read(answers, request({ sent: sentOf('abcdefghi') }), context, run)
  assert.equal(longer.text, '')
})

test('I2: a client that comes back from another address finds its answer', async (t) => {
  const answers = new IdempotentAnswers()
  const { run, runs } = runOf('abc')
  const context = longContext(t)
  await read(answers, request({ tenantId: 'a', caller: '10.0.0.1' }), context, run)
  await read(answers, request({ tenantId: 'a', caller: '10.0.0.2', explain: true }), context, run)
  assert.equal(runs.length, 1)
  const other = answers.stream(KEY, request({ maxTokens: 9, tenantId: 'a' }), context, run)
  await assert.rejects(other.next(), { code: 'CONFLICT' })
})

test('I3: no tenant reaches the answer of another, however both are named', async (t) => {
  const answers = new IdempotentAnswers()
  const { run, runs } = runOf('abc')
  const context = longContext(t)
  await read(answers, request(), context, run, { tenant: 'a/b', idempotencyKey: 'c' })
  await read(answers, request(), context, run, { tenant: 'a', idempotencyKey: 'b/c' })
  assert.equal(runs.length, 2)
})

test('I8: a request that fails before it begins may be tried again, and leaves no timer', async (t) => {
  const answers = new IdempotentAnswers()
  const context = longContext(t)
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const before = timers()
  const refuse = () => {
    throw new HaifError('NO_ELIGIBLE_WORKER', 'no worker has a model ready')
  }
  const refused = answers.stream(KEY, request(), context, refuse)
  await assert.rejects(refused.next(), { code: 'NO_ELIGIBLE_WORKER' })
  assert.equal(timers(), before)
  assert.equal((await read(answers, request(), context, runOf('abc').run)).text, 'abc')
})

test('I9: the run goes on when the first client leaves, for whoever comes back', async (t) => {
  const answers = new IdempotentAnswers()
  t.after(() => answers.stop())
  const { promise: more, resolve: goOn } = Promise.withResolvers<void>()
  const { run: quick } = runOf('abcdef')
  async function* run(asked: InferenceRequest) {
    const items = quick(asked)
    yield (await items.next()).value as InferenceItem
    await more
    return yield* items
  }
  const leaving = longContext(t)
  const first = answers.stream(KEY, request(), leaving, run)
  await first.next()
  const waiting = first.next()
  leaving.abort(new HaifError('CANCELLED', 'gone'))
  await assert.rejects(waiting, { code: 'CANCELLED' })
  const again = read(answers, request(), longContext(t), run)
  goOn()
  assert.equal((await again).text, 'abcdef')
})

test('places in the queue go to callers that watch, and only the latest', async (t) => {
  const answers = new IdempotentAnswers()
  const place = (ahead: number): InferenceItem => ({
    seq: 0,
    tokenIds: [],
    text: '',
    queued: { ahead, waitMs: 1 }
  })
  const { promise: more, resolve: goOn } = Promise.withResolvers<void>()
  async function* run(asked: InferenceRequest) {
    yield place(2)
    yield place(1)
    await more
    return yield* runOf('abc').run(asked)
  }
  const context = longContext(t)
  const silent = read(answers, request(), context, run)
  await turn()
  const watching = read(answers, request({ watchQueue: true }), context, run)
  await turn()
  goOn()
  assert.deepEqual(
    (await silent).items.flatMap(({ queued }) => queued?.ahead ?? []),
    []
  )
  assert.deepEqual(
    (await watching).items.flatMap(({ queued }) => queued?.ahead ?? []),
    [1]
  )
})

test('I4: whenever a reader comes, and however items are cut, it gets what it lacks', async (t) => {
  const letters = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 12 })
  const readers = fc.array(fc.record({ has: fc.nat(12), after: fc.nat(6) }), {
    minLength: 1,
    maxLength: 4
  })
  await fc.assert(
    fc.asyncProperty(
      letters.map((each) => each.join('')),
      fc.integer({ min: 1, max: 4 }),
      readers,
      async (text, perItem, given) => {
        const answers = new IdempotentAnswers()
        t.after(() => answers.stop())
        const { run: quick, runs } = runOf(text, perItem)
        async function* run(asked: InferenceRequest) {
          await using items = quick(asked)
          for (;;) {
            const { done, value } = await items.next()
            if (done === true) return value
            yield value
            await turn()
          }
        }
        const context = longContext(t)
        const readFrom = async ({ has, after }: { has: number; after: number }) => {
          for (let i = 0; i < after; i++) await turn()
          const beginning = text.slice(0, has)
          const sent = beginning === '' ? {} : { sent: sentOf(beginning) }
          return beginning + (await read(answers, request(sent), context, run)).text
        }
        for (const got of await Promise.all(given.map(readFrom))) assert.equal(got, text)
        assert.equal(runs.length, 1)
      }
    )
  )
})

test('I7: an owner that was replaced passes nothing more on, and ends its run', async (t) => {
  const ends: string[] = []
  const reservation = {
    isFenced: false,
    answered: () => void ends.push('answered'),
    failed: () => void ends.push('failed')
  }
  const answers = new IdempotentAnswers({ take: async () => reservation })
  const { promise: more, resolve: goOn } = Promise.withResolvers<void>()
  let isClosed = false
  async function* run(): AsyncGenerator<InferenceItem, InferenceEnd, void> {
    try {
      yield { seq: 0, tokenIds: [97], text: 'a' }
      await more
      yield { seq: 1, tokenIds: [98], text: 'b' }
      return END
    } finally {
      isClosed = true
    }
  }
  const reader = answers.stream(KEY, request(), longContext(t), run)
  assert.equal(((await reader.next()).value as InferenceItem).text, 'a')
  reservation.isFenced = true
  goOn()
  await assert.rejects(reader.next(), { code: 'CANCELLED' })
  assert.ok(isClosed)
  assert.deepEqual(ends, ['failed'])
})

test('I9: a run that nobody reads is cancelled after its time', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const answers = new IdempotentAnswers()
  const leaving = longContext(t)
  let own: RequestContext | null = null
  async function* run(_asked: InferenceRequest, context: RequestContext) {
    own = context
    yield { seq: 0, tokenIds: [97], text: 'a' }
    await new Promise<void>((resolve) => context.onAbort(resolve))
    return END
  }
  const reader = answers.stream(KEY, request(), leaving, run)
  await reader.next()
  await reader.return(END)
  t.mock.timers.tick(29_999)
  assert.equal(own!.signal.aborted, false)
  const again = answers.stream(KEY, request(), longContext(t), run)
  await again.next()
  t.mock.timers.tick(1000)
  assert.equal(own!.signal.aborted, false, 'somebody reads it again')
  await again.return(END)
  t.mock.timers.tick(30_000)
  assert.equal(own!.signal.aborted, true)
})

test('I10: the oldest answers that have ended make room for others, and running ones stay', async (t) => {
  const answers = new IdempotentAnswers()
  t.after(() => answers.stop())
  const context = longContext(t)
  const keyOf = (i: number) => ({ tenant: 'a', idempotencyKey: `k${i}` })
  const endless = async function* (_asked: InferenceRequest, own: RequestContext) {
    yield { seq: 0, tokenIds: [97], text: 'a' }
    await new Promise<void>((resolve) => own.onAbort(resolve))
    return END
  }
  const { run, runs } = runOf('abc')
  await read(answers, request(), context, run, keyOf(0))
  for (let i = 1; i <= 4096; i++) {
    await answers.stream(keyOf(i), request(), context, endless).next()
  }
  const refused = answers.stream(keyOf(4097), request(), context, run)
  await assert.rejects(refused.next(), { code: 'WORKER_OVERLOADED' })
  assert.equal(runs.length, 1, 'the answer that had ended was forgotten for the last one that runs')
})

test('I10: beyond 200 MB the oldest answer that has ended is forgotten', async (t) => {
  const answers = new IdempotentAnswers()
  t.after(() => answers.stop())
  const megabyte = 'x'.repeat(1_000_000)
  let runs = 0
  async function* run(): AsyncGenerator<InferenceItem, InferenceEnd, void> {
    runs++
    for (let seq = 0; seq < 90; seq++) yield { seq, tokenIds: [seq], text: megabyte }
    return END
  }
  const context = longContext(t)
  const readOf = async (idempotencyKey: string) => {
    const key = { tenant: 'a', idempotencyKey }
    let items = 0
    const stream = answers.stream(key, request(), context, run)
    while ((await stream.next()).done !== true) items++
    assert.equal(items, 90)
  }
  for (const key of ['a', 'b', 'a', 'c', 'b', 'c']) await readOf(key)
  assert.equal(runs, 3)
  await readOf('a')
  assert.equal(runs, 4)
})

test('I12: a repeat is marked, unless it is the same request on another way', async (t) => {
  const answers = new IdempotentAnswers()
  const { run } = runOf('a')
  const context = longContext(t)
  const endOf = async (usageId: string) => {
    const stream = answers.stream(KEY, request({ usageId }), context, run)
    for (;;) {
      const { done, value } = await stream.next()
      if (done === true) return value
    }
  }
  assert.equal((await endOf('u1')).repeated, undefined)
  assert.equal((await endOf('u1')).repeated, undefined)
  assert.equal((await endOf('u2')).repeated, true)
})
