/** The engine's decisions, which are data in and data out. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { threadCounts } from '../../../../../services/worker/engines/llama/child/library/calibrate-library.ts'
import {
  countDeath,
  restartDelayMs,
  RESTART_POLICY
} from '../../../../../services/worker/engines/llama/parent/restart-delay.ts'
import {
  chooseSlot,
  type FreeSlot
} from '../../../../../services/worker/engines/llama/child/schedule/slot-choice.ts'
import { StepRates } from '../../../../../services/worker/engines/llama/child/schedule/step-rates.ts'

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
