import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'
import type { InferenceEnd, InferenceItem } from '#shared/contracts/inference/answer.ts'
import type { InferenceRequest } from '#shared/contracts/inference/request.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import { HaifError } from '#shared/errors.ts'
import { IdempotentAnswers } from '../../../../services/orchestrator/repeats/idempotency.ts'
import { longContext } from '../workers/table.ts'

const request = (given: Partial<InferenceRequest> = {}): InferenceRequest => ({
  model: 'm',
  input: { mode: 'direct', prompt: 'p' },
  maxTokens: 8,
  sampling: {},
  ...given
})

const KEY = { tenant: 'a', idempotencyKey: 'k' }
const END = { model: 'm', finishReason: 'length' } as InferenceEnd

/** A run that gives the letters of `text` as tokens, so many in an item, and counts its calls. */
function runOf(text: string, perItem = 1) {
  const runs: InferenceRequest[] = []
  async function* run(asked: InferenceRequest): AsyncGenerator<InferenceItem, InferenceEnd, void> {
    runs.push(asked)
    for (let seq = asked.resume?.tokenIds.length ?? 0; seq < text.length; seq += perItem) {
      const part = text.slice(seq, seq + perItem)
      yield { seq, tokenIds: idsOf(part), text: part }
    }
    return END
  }
  return { run, runs }
}

const idsOf = (text: string) => Array.from(text, (letter) => letter.charCodeAt(0))

const resumeOf = (text: string) => ({
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

test('a repeated request gets the whole answer, also when the first one was a continuation', async (t) => {
  const answers = new IdempotentAnswers()
  const { run, runs } = runOf('abcdefgh')
  const context = longContext(t)
  const continued = await read(answers, request({ resume: resumeOf('abc') }), context, run)
  assert.equal(continued.text, 'defgh')
  assert.equal((await read(answers, request(), context, run)).text, 'abcdefgh')
  assert.equal(runs.length, 1)
})

test('two that continue at different places get each what it lacks, and nothing twice', async (t) => {
  const answers = new IdempotentAnswers()
  const { run, runs } = runOf('abcdefgh', 3)
  const context = longContext(t)
  const texts = await Promise.all(
    ['abcd', 'ab', 'abcde', 'abcdefgh'].map(async (has) => {
      const { text } = await read(answers, request({ resume: resumeOf(has) }), context, run)
      return has + text
    })
  )
  assert.deepEqual(
    texts,
    Array.from({ length: 4 }, () => 'abcdefgh')
  )
  assert.equal(runs.length, 1)
})

test('who has begun to read another answer gets the rest of that one', async (t) => {
  const answers = new IdempotentAnswers()
  const context = longContext(t)
  await read(answers, request(), context, runOf('abcdefgh').run)
  const { run, runs } = runOf('axyzefgh')
  const { text } = await read(answers, request({ resume: resumeOf('axyz') }), context, run)
  assert.equal(text, 'efgh')
  assert.equal(runs.length, 1)
  const longer = await read(answers, request({ resume: resumeOf('abcdefghi') }), context, run)
  assert.equal(longer.text, '')
})

test('a client that comes back from another address finds its answer', async (t) => {
  const answers = new IdempotentAnswers()
  const { run, runs } = runOf('abc')
  const context = longContext(t)
  await read(answers, request({ tenantId: 'a', caller: '10.0.0.1' }), context, run)
  await read(answers, request({ tenantId: 'a', caller: '10.0.0.2', explain: true }), context, run)
  assert.equal(runs.length, 1)
  const other = answers.stream(KEY, request({ maxTokens: 9, tenantId: 'a' }), context, run)
  await assert.rejects(other.next(), { code: 'CONFLICT' })
})

test('no tenant reaches the answer of another, however both are named', async (t) => {
  const answers = new IdempotentAnswers()
  const { run, runs } = runOf('abc')
  const context = longContext(t)
  await read(answers, request(), context, run, { tenant: 'a/b', idempotencyKey: 'c' })
  await read(answers, request(), context, run, { tenant: 'a', idempotencyKey: 'b/c' })
  assert.equal(runs.length, 2)
})

test('a request that fails before it begins may be tried again, and leaves no timer', async (t) => {
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

test('the run goes on when the first client leaves, for whoever comes back', async (t) => {
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

test('places in the queue go to those who ask, and only the latest', async (t) => {
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
