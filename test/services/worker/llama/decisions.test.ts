/** The engine's decisions, which are data in and data out. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { threadCounts } from '../../../../services/worker/engines/llama/calibrate.ts'
import { fitContext } from '../../../../services/worker/engines/llama/fit-context.ts'
import {
  PROMPT_STEP_TOKENS_MAX,
  promptTokensPerStep,
  type StepCost
} from '../../../../services/worker/engines/llama/prompt-budget.ts'
import {
  countDeath,
  restartDelayMs,
  RESTART_POLICY
} from '../../../../services/worker/engines/llama/restart-delay.ts'
import { chooseSlot, type FreeSlot } from '../../../../services/worker/engines/llama/slot-choice.ts'
import { StepRates } from '../../../../services/worker/engines/llama/step-rates.ts'

const slot = (index: number, more: Partial<FreeSlot> = {}): FreeSlot => {
  return { index, sharedTokens: 0, cachedTokens: 0, usedAt: 0, ...more }
}

suite('slot choice', () => {
  test('the longest shared prefix wins', () => {
    const free = [
      slot(0),
      slot(1, { sharedTokens: 40, cachedTokens: 40, usedAt: 1 }),
      slot(2, { sharedTokens: 90, cachedTokens: 100, usedAt: 9 })
    ]
    assert.equal(chooseSlot(free, 0), 2)
  })

  test('a short common beginning does not cost a long conversation its cache', () => {
    const free = [slot(0, { sharedTokens: 25, cachedTokens: 2000, usedAt: 5 }), slot(1)]
    assert.equal(chooseSlot(free, 0), 1)
  })

  test('a long document is found again behind a different answer', () => {
    const free = [slot(0), slot(1, { sharedTokens: 4000, cachedTokens: 9000, usedAt: 5 })]
    assert.equal(chooseSlot(free, 0), 1)
  })

  test('without a prefix the least recently used slot is given up', () => {
    const used = (index: number, usedAt: number) => slot(index, { usedAt, cachedTokens: 100 })
    assert.equal(chooseSlot([used(0, 30), used(1, 10), used(2, 20)], 0), 1)
    assert.equal(chooseSlot([used(0, 30), slot(2), slot(3)], 1), 2)
  })

  test('under load the busy slots stay together', () => {
    assert.equal(chooseSlot([slot(1, { usedAt: 30 }), slot(3, { usedAt: 10 })], 2), 1)
  })

  test('no free slot, no choice', () => {
    assert.equal(chooseSlot([], 8), null)
  })
})

const tokensPerStep = (cost: Partial<StepCost>): number =>
  promptTokensPerStep({
    writing: 0,
    reading: 1,
    decodeStepMs: 0,
    prefillTokensPerSecond: 500,
    ...cost
  })

suite('prompt budget', () => {
  test('prompt tokens take no longer than a decoding step', () => {
    assert.equal(tokensPerStep({ writing: 8, reading: 1, decodeStepMs: 100 }), 50)
  })

  test('the more prompts wait for each answer, the more is read at once, within a bound', () => {
    assert.equal(tokensPerStep({ writing: 4, reading: 8, decodeStepMs: 100 }), 100)
    assert.equal(tokensPerStep({ writing: 1, reading: 15, decodeStepMs: 100 }), 125)
  })

  test('with nobody waiting for a token the piece is larger, and bounded', () => {
    assert.equal(tokensPerStep({ prefillTokensPerSecond: 600 }), 150)
    assert.equal(tokensPerStep({ prefillTokensPerSecond: 50_000 }), PROMPT_STEP_TOKENS_MAX)
  })

  test('a slow machine still moves on', () => {
    assert.ok(tokensPerStep({ writing: 1, decodeStepMs: 1, prefillTokensPerSecond: 1 }) > 0)
  })
})

suite('step rates', () => {
  const unknown = { rates: { prefill: 0, decode: 0 }, decodeSteps: [] }

  test('a step of many answers counts all of them', () => {
    const rates = new StepRates(unknown)
    rates.record({ ms: 40, decoding: 8, promptTokens: 0 })
    assert.equal(rates.rates.decode, 200)
    assert.equal(rates.decodeStepMs(8), 40)
  })

  test('in a mixed step the prompt pays for what decoding does not', () => {
    const rates = new StepRates(unknown)
    rates.record({ ms: 40, decoding: 8, promptTokens: 0 })
    rates.record({ ms: 140, decoding: 8, promptTokens: 50 })
    assert.equal(rates.rates.prefill, 500)
  })

  test('a number of answers not seen yet lies between its neighbours', () => {
    const decodeSteps: [number, number][] = [
      [2, 10],
      [6, 30]
    ]
    const rates = new StepRates({ ...unknown, decodeSteps })
    const known = [0, 1, 2, 3, 6, 9].map((decoding) => rates.decodeStepMs(decoding))
    assert.deepEqual(known, [0, 10, 10, 15, 30, 30])
  })
})

const pool = (freeBytes: number) => ({ freeBytes, fixedBytes: 1000, bytesPerToken: 10 })
const natural = (max: number) => fc.integer({ min: 1, max })

suite('context fit', () => {
  const wish = { slots: 8, contextTokens: 8192 }

  test('what fits is granted', () => {
    assert.deepEqual(fitContext({ ...wish, pools: [pool(1e9)] }), wish)
  })

  test('slots are halved before the context is', () => {
    const free = 1000 + 4 * 8192 * 10
    assert.deepEqual(fitContext({ ...wish, pools: [pool(free)] }), { ...wish, slots: 4 })
  })

  test('the tightest pool decides', () => {
    const fit = fitContext({ ...wish, pools: [pool(1e9), pool(1000 + 4 * 2048 * 10)] })
    assert.deepEqual(fit, { slots: 4, contextTokens: 2048 })
  })

  test('with almost nothing free one slot is left, then none', () => {
    const one = fitContext({ ...wish, pools: [pool(1000 + 512 * 10)] })
    assert.deepEqual(one, { slots: 1, contextTokens: 512 })
    assert.equal(fitContext({ ...wish, pools: [pool(0)] }), null)
  })

  test('whatever is granted fits and is no more than was wished', () => {
    fc.assert(
      fc.property(natural(64), natural(200_000), natural(1e9), (slots, contextTokens, free) => {
        const fit = fitContext({ slots, contextTokens, pools: [pool(free)] })
        if (fit === null) return
        assert.ok(fit.slots >= 1 && fit.slots <= slots)
        assert.ok(fit.contextTokens <= contextTokens)
        assert.ok(1000 + fit.slots * fit.contextTokens * 10 <= free)
      })
    )
  })
})

suite('restarts', () => {
  test('the pause doubles up to its bound', () => {
    const delays = [1, 2, 3, 50].map((deaths) => restartDelayMs(deaths, RESTART_POLICY))
    assert.deepEqual(delays, [100, 200, 400, RESTART_POLICY.longestMs])
  })

  test('a process that was well for long starts the count again', () => {
    assert.equal(countDeath(5, 1000, RESTART_POLICY), 6)
    assert.equal(countDeath(5, RESTART_POLICY.healthyAfterMs, RESTART_POLICY), 1)
  })
})

test('thread counts are tried from the most to one', () => {
  assert.deepEqual(threadCounts(15), [15, 8, 1])
  assert.deepEqual(threadCounts(1), [1])
})
