/** The step loop over sequences that only keep book, so that every step can be counted. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Job } from '../../../../../services/worker/engines/llama/child/job.ts'
import type { StepMessage } from '../../../../../services/worker/engines/llama/messages.ts'
import {
  Scheduler,
  type SchedulerDeps
} from '../../../../../services/worker/engines/llama/child/schedule/scheduler.ts'
import type { Sequence } from '../../../../../services/worker/engines/llama/child/schedule/sequence.ts'
import { isToken } from '../../../../../services/worker/engines/llama/child/tokens.ts'
import { until } from '../../../../helpers/until.ts'

type Token = Job['resumeTokens'][number]

const VOCABULARY = 1000
const tokens = (count: number, first = 0): Token[] => {
  return Array.from({ length: count }, (_, i) => first + i).filter((id) => isToken(id, VOCABULARY))
}

/** Draws the number of the tokens before it; says who asked, in which order. */
class FakeSequence implements Sequence {
  cache: Token[] = []
  pieces: number[] = []
  readonly #asked: () => void
  broken = false
  /** Called while a piece of a prompt is computed. */
  onPiece = () => {}

  constructor(asked: () => void) {
    this.#asked = asked
  }

  get nextTokenIndex(): number {
    return this.cache.length
  }

  compareContextTokens(other: Token[]): { firstDifferentIndex: number } {
    const at = this.cache.findIndex((token, i) => token !== other[i])
    return { firstDifferentIndex: at === -1 ? this.cache.length : at }
  }

  async adaptStateToTokens(other: Token[]): Promise<void> {
    this.cache = this.cache.slice(0, this.compareContextTokens(other).firstDifferentIndex)
  }

  async clearHistory(): Promise<void> {
    this.cache = []
  }

  async evaluateWithoutGeneratingNewTokens(piece: Token[]): Promise<void> {
    this.pieces.push(piece.length)
    this.cache.push(...piece)
    this.onPiece()
    await new Promise(setImmediate)
  }

  async *evaluate(piece: Token[]): AsyncGenerator<Token, void> {
    this.pieces.push(piece.length)
    let next = piece
    for (;;) {
      this.#asked()
      if (this.broken) throw new Error('decode failed')
      this.cache.push(...next)
      await new Promise(setImmediate)
      next = tokens(1, this.cache.length % VOCABULARY)
      yield next[0]!
    }
  }
}

function startScheduler(
  slots: number,
  creditTokens = 1000,
  copyPrefix?: SchedulerDeps['copyPrefix']
) {
  const asked: number[] = []
  const steps: StepMessage[] = []
  const sequences = Array.from({ length: slots }, (_, i) => new FakeSequence(() => asked.push(i)))
  const scheduler = new Scheduler({
    sequences,
    creditTokens,
    ...(copyPrefix === undefined ? {} : { copyPrefix }),
    now: () => 0, // so that the rates stay as they are
    // 100 prompt tokens in a step of their own, 8 beside answers.
    calibration: { rates: { prefill: 400, decode: 100 }, decodeSteps: [[1, 10]] },
    onStep: (step) => steps.push(step),
    onBroken: (error) => assert.fail(String(error))
  })
  const tokensOf = (id: number) => {
    return steps.flatMap((step) => step.parts.flatMap((part) => (part[0] === id ? part[1] : [])))
  }
  const endOf = (id: number) => steps.flatMap((step) => step.ends).find((end) => end[0] === id)?.[1]
  return { scheduler, sequences, asked, steps, tokensOf, endOf }
}

function job(id: number, promptTokens: Token[], more: Partial<Job['limits']> = {}): Job {
  return {
    id,
    sampling: {},
    resumeTokens: [],
    limits: {
      promptTokens,
      maxTokens: 4,
      contextTokens: 10_000,
      stopTexts: [],
      isEnd: () => false,
      detokenize: (ids) => ids.map((tokenId) => `${tokenId} `).join(''),
      ...more
    }
  }
}

suite('a prefix that another slot holds', () => {
  const start = () => {
    const copies: number[] = []
    const started = startScheduler(2, 1000, async (target, source, count) => {
      copies.push(count)
      ;(target as FakeSequence).cache = (source as FakeSequence).cache.slice(0, count)
      return true
    })
    return { ...started, copies }
  }

  test('is copied while that slot is busy, and counts as found in the cache', async () => {
    const { scheduler, copies, endOf, tokensOf } = start()
    scheduler.submit(job(1, tokens(200), { maxTokens: 400 }))
    await until(() => tokensOf(1).length > 0)
    scheduler.submit(job(2, [...tokens(100), ...tokens(50, 500)]))
    await until(() => endOf(2) !== undefined)
    assert.equal(endOf(1), undefined)
    assert.deepEqual(copies, [100])
    assert.equal(endOf(2)!.usage.cachedPromptTokens, 100)
    scheduler.cancel(1)
  })

  test('is not copied for the sake of a few tokens', async () => {
    const { scheduler, copies, endOf } = start()
    scheduler.submit(job(1, tokens(200)))
    scheduler.submit(job(2, [...tokens(30), ...tokens(50, 500)]))
    await until(() => endOf(1) !== undefined && endOf(2) !== undefined)
    assert.deepEqual(copies, [])
  })
})

suite('scheduler', () => {
  test('slots are asked in ascending order, step by step', async () => {
    const { scheduler, asked, endOf } = startScheduler(3)
    for (const id of [1, 2, 3]) scheduler.submit(job(id, tokens(2, id * 10)))
    await until(() => endOf(3) !== undefined)
    assert.deepEqual(asked, [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2])
  })

  test('a request without a slot takes the first that is freed', async () => {
    const { scheduler, endOf, tokensOf } = startScheduler(1)
    scheduler.submit(job(1, tokens(2)))
    scheduler.submit(job(2, tokens(2)))
    await until(() => endOf(2) !== undefined)
    assert.deepEqual(tokensOf(1), tokensOf(2))
  })

  test('a long prompt is read in pieces while others get their tokens', async () => {
    const { scheduler, sequences, tokensOf, endOf } = startScheduler(2)
    scheduler.submit(job(1, tokens(2), { maxTokens: 100_000 }))
    await until(() => tokensOf(1).length >= 2)
    scheduler.submit(job(2, tokens(900)))
    await until(() => endOf(2) !== undefined)
    const pieces = sequences[1]!.pieces
    assert.ok(pieces.length > 5, `${pieces.length} pieces`)
    assert.equal(
      pieces.reduce((sum, piece) => sum + piece),
      900
    )
  })

  test('a cancelled request reads no further piece of its prompt', async () => {
    const { scheduler, sequences, steps, endOf } = startScheduler(1)
    sequences[0]!.onPiece = () => scheduler.cancel(1)
    scheduler.submit(job(1, tokens(900)))
    scheduler.submit(job(2, tokens(2, 950)))
    await until(() => endOf(2) !== undefined)
    assert.deepEqual(sequences[0]!.pieces, [128, 2])
    assert.ok(steps.every((step) => step.parts.every(([id]) => id === 2)))
  })

  test('a reader that is behind by its credit stops its own answer only', async () => {
    const { scheduler, tokensOf, endOf } = startScheduler(2, 5)
    scheduler.submit(job(1, tokens(2), { maxTokens: 20 }))
    await until(() => tokensOf(1).length === 5)
    scheduler.submit(job(2, tokens(2, 50), { maxTokens: 5 }))
    await until(() => endOf(2) !== undefined)
    assert.equal(tokensOf(1).length, 5)
    scheduler.credit(1, 100)
    await until(() => endOf(1) !== undefined)
    assert.equal(tokensOf(1).length, 20)
  })

  test('a sequence that breaks fails its own request and serves the next', async () => {
    const { scheduler, sequences, steps, endOf } = startScheduler(2)
    sequences[0]!.broken = true
    scheduler.submit(job(1, tokens(2)))
    scheduler.submit(job(2, tokens(2, 50)))
    await until(() => endOf(2) !== undefined)
    const failures = steps.flatMap((step) => step.failures)
    assert.deepEqual(
      failures.map(([id, failure]) => [id, failure.code]),
      [[1, 'ENGINE_FAILED']]
    )
    sequences[0]!.broken = false
    scheduler.submit(job(3, tokens(2)))
    await until(() => endOf(3) !== undefined)
  })

  test('an answer that was complete when it broke off ends without a step', async () => {
    const { scheduler, asked, endOf } = startScheduler(1)
    scheduler.submit({ ...job(1, tokens(2)), resumeTokens: tokens(4, 2) })
    await until(() => endOf(1) !== undefined)
    assert.equal(endOf(1)?.finishReason, 'length')
    assert.equal(endOf(1)?.usage.completionTokens, 4)
    assert.deepEqual(asked, [])
  })
})
