/** The step loop over a driver that only keeps book, so that every step can be counted. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Job } from '../../../../../services/worker/engines/llama/child/job.ts'
import type { StepMessage } from '../../../../../services/worker/engines/llama/messages.ts'
import type {
  Drawing,
  Driver,
  Outcome,
  Part
} from '../../../../../services/worker/engines/llama/child/driver.ts'
import { Scheduler } from '../../../../../services/worker/engines/llama/child/schedule/scheduler.ts'
import { isToken } from '../../../../../services/worker/engines/llama/child/tokens.ts'
import { until } from '../../../../helpers/until.ts'

type Token = Job['resumeTokens'][number]

const VOCABULARY = 1000
const tokens = (count: number, first = 0): Token[] => {
  return Array.from({ length: count }, (_, i) => first + i).filter((id) => isToken(id, VOCABULARY))
}

/** Draws the number of the tokens before it; says which slots were in which step. */
class FakeDriver implements Driver {
  readonly slots: number
  readonly seesLogits = true
  readonly caches: Token[][]
  readonly pieces: number[][]
  readonly asked: number[] = []
  readonly copies: number[] = []
  readonly broken = new Set<number>()
  /** The next so many steps are broken off. */
  breakOff = 0
  readonly readAlone: number[] = []
  readonly #begun = new Set<Drawing>()
  /** Called while a piece of a prompt is computed. */
  onPiece = () => {}

  constructor(slots: number) {
    this.slots = slots
    this.caches = Array.from({ length: slots }, () => [])
    this.pieces = Array.from({ length: slots }, () => [])
  }

  cachedTokens(slot: number): number {
    return this.caches[slot]!.length
  }

  sharedTokens(slot: number, other: readonly Token[]): number {
    const cache = this.caches[slot]!
    const at = cache.findIndex((token, i) => token !== other[i])
    return at === -1 ? cache.length : at
  }

  async keepShared(slot: number, other: readonly Token[]): Promise<number> {
    this.caches[slot] = this.caches[slot]!.slice(0, this.sharedTokens(slot, other))
    return this.cachedTokens(slot)
  }

  async copyPrefix(target: number, source: number, count: number): Promise<boolean> {
    this.copies.push(count)
    this.caches[target] = this.caches[source]!.slice(0, count)
    return true
  }

  async clear(slot: number): Promise<void> {
    this.caches[slot] = []
  }

  draw(): Drawing {
    return { close: async () => {} }
  }

  async compute(parts: readonly Part[], onlyRequest = 0): Promise<Outcome[]> {
    await new Promise(setImmediate)
    this.readAlone.push(onlyRequest)
    if (this.breakOff > 0) {
      this.breakOff--
      this.onPiece()
      return parts.map(() => ({ brokenOff: true }))
    }
    return parts.map(({ slot, tokens: read, drawing }) => {
      const cache = this.caches[slot]!
      if (drawing === null || !this.#begun.has(drawing)) this.pieces[slot]!.push(read.length)
      if (drawing !== null) this.asked.push(slot)
      if (drawing !== null) this.#begun.add(drawing)
      if (this.broken.has(slot)) return { error: new Error('decode failed') }
      cache.push(...read)
      if (drawing === null) {
        this.onPiece()
        return null
      }
      return { token: tokens(1, cache.length % VOCABULARY)[0]! }
    })
  }
}

function startScheduler(slots: number, creditTokens = 1000) {
  const steps: StepMessage[] = []
  const driver = new FakeDriver(slots)
  const scheduler = new Scheduler({
    driver,
    creditTokens,
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
  return { scheduler, driver, steps, tokensOf, endOf }
}

function job(id: number, promptTokens: Token[], more: Partial<Job['limits']> = {}): Job {
  return {
    id,
    sampling: {},
    bias: new Map(),
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
  test('is copied while that slot is busy, and counts as found in the cache', async () => {
    const { scheduler, driver, endOf, tokensOf } = startScheduler(2)
    scheduler.submit(job(1, tokens(200), { maxTokens: 400 }))
    await until(() => tokensOf(1).length > 0)
    scheduler.submit(job(2, [...tokens(100), ...tokens(50, 500)]))
    await until(() => endOf(2) !== undefined)
    assert.equal(endOf(1), undefined)
    assert.deepEqual(driver.copies, [100])
    assert.equal(endOf(2)!.usage.cachedPromptTokens, 100)
    scheduler.cancel(1)
  })

  test('F15: is found only by requests of the same scope, neither in place nor as a copy', async () => {
    const { scheduler, driver, endOf } = startScheduler(2)
    const cached = (id: number) => endOf(id)!.usage.cachedPromptTokens
    const ask = async (id: number, cacheScope: string) => {
      scheduler.submit({ ...job(id, tokens(200)), cacheScope })
      await until(() => endOf(id) !== undefined)
    }
    await ask(1, 'acme')
    await ask(2, 'other')
    await ask(3, 'other')
    await ask(4, '')
    assert.deepEqual([1, 2, 3, 4].map(cached), [0, 0, 199, 0])
    assert.deepEqual(driver.copies, [])
  })

  test('is not copied for the sake of a few tokens', async () => {
    const { scheduler, driver, endOf } = startScheduler(2)
    scheduler.submit(job(1, tokens(200)))
    scheduler.submit(job(2, [...tokens(30), ...tokens(50, 500)]))
    await until(() => endOf(1) !== undefined && endOf(2) !== undefined)
    assert.deepEqual(driver.copies, [])
  })
})

suite('scheduler', () => {
  test('slots are asked in ascending order, step by step', async () => {
    const { scheduler, driver, endOf } = startScheduler(3)
    for (const id of [1, 2, 3]) scheduler.submit(job(id, tokens(2, id * 10)))
    await until(() => endOf(3) !== undefined)
    assert.deepEqual(driver.asked, [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2])
  })

  test('a request without a slot takes the first that is freed', async () => {
    const { scheduler, endOf, tokensOf } = startScheduler(1)
    scheduler.submit(job(1, tokens(2)))
    scheduler.submit(job(2, tokens(2)))
    await until(() => endOf(2) !== undefined)
    assert.deepEqual(tokensOf(1), tokensOf(2))
  })

  test('a long prompt is read in pieces while others get their tokens', async () => {
    const { scheduler, driver, tokensOf, endOf } = startScheduler(2)
    scheduler.submit(job(1, tokens(2), { maxTokens: 100_000 }))
    await until(() => tokensOf(1).length >= 2)
    scheduler.submit(job(2, tokens(900, 50)))
    await until(() => endOf(2) !== undefined)
    const pieces = driver.pieces[1]!.filter((read) => read > 1)
    assert.ok(pieces.length > 5, `${pieces.length} pieces`)
    assert.equal(
      pieces.reduce((sum, piece) => sum + piece),
      900
    )
  })

  test('a cancelled request reads no further piece of its prompt', async () => {
    const { scheduler, driver, steps, endOf } = startScheduler(1)
    driver.onPiece = () => scheduler.cancel(1)
    scheduler.submit(job(1, tokens(900)))
    scheduler.submit(job(2, tokens(2, 950)))
    await until(() => endOf(2) !== undefined)
    const prompts = driver.pieces[0]!.filter((read) => read > 1)
    assert.deepEqual(prompts, [128, 2])
    assert.ok(steps.every((step) => step.parts.every(([id]) => id === 2)))
  })

  test('what was broken off is made again, unless nobody wants it any more', async () => {
    const { scheduler, driver, endOf, tokensOf, steps } = startScheduler(2)
    driver.breakOff = 3
    scheduler.submit(job(1, tokens(300)))
    await until(() => endOf(1) !== undefined)
    assert.deepEqual(tokensOf(1), [300, 301, 302, 303])
    assert.equal(driver.readAlone[0], 1)
    driver.breakOff = 1
    driver.onPiece = () => scheduler.cancel(2)
    scheduler.submit(job(2, tokens(300, 500)))
    scheduler.submit(job(3, tokens(2, 900)))
    await until(() => endOf(3) !== undefined)
    assert.ok(steps.every((step) => step.parts.every(([id]) => id !== 2)))
    assert.equal(steps.flatMap((step) => step.failures).length, 0)
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
    const { scheduler, driver, steps, endOf } = startScheduler(2)
    driver.broken.add(0)
    scheduler.submit(job(1, tokens(2)))
    scheduler.submit(job(2, tokens(2, 50)))
    await until(() => endOf(2) !== undefined)
    const failures = steps.flatMap((step) => step.failures)
    assert.deepEqual(
      failures.map(([id, failure]) => [id, failure.code]),
      [[1, 'ENGINE_FAILED']]
    )
    driver.broken.delete(0)
    scheduler.submit(job(3, tokens(2)))
    await until(() => endOf(3) !== undefined)
  })

  test('an answer that was complete when it broke off ends without a step', async () => {
    const { scheduler, driver, endOf } = startScheduler(1)
    scheduler.submit({ ...job(1, tokens(2)), resumeTokens: tokens(4, 2) })
    await until(() => endOf(1) !== undefined)
    assert.equal(endOf(1)?.finishReason, 'length')
    assert.equal(endOf(1)?.usage.completionTokens, 4)
    assert.deepEqual(driver.asked, [])
  })
})
