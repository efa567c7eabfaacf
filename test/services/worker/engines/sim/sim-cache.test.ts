import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SimCache } from '../../../../../services/worker/engines/sim/sim-cache.ts'
import { SimEngine } from '../../../../../services/worker/engines/sim/sim-engine.ts'

const LONG = 'x'.repeat(400) // 100 tokens

test('the longest common beginning of any kept text is what need not be read', () => {
  const cache = new SimCache(1000)
  cache.add(`${LONG} one`)
  cache.add(`${LONG.slice(0, 40)}y`)
  assert.equal(cache.match(`${LONG} two`), 100)
  assert.equal(cache.match(`${LONG.slice(0, 40)}zz`), 10)
  assert.equal(cache.match('y'), 0)
})

test('the last token of a prompt is always read', () => {
  const cache = new SimCache(1000)
  cache.add(LONG)
  assert.equal(cache.match(LONG), 99)
})

test('over the budget the least recently used text goes; one that continues another replaces it', () => {
  const cache = new SimCache(210)
  cache.add(`a${LONG}`)
  cache.add(`b${LONG}`)
  cache.match(`a${LONG}`)
  cache.add(`c${LONG}`.slice(0, 40))
  assert.equal(cache.match(`b${LONG}`), 0)
  assert.ok(cache.match(`a${LONG}`) > 0)
  const before = cache.tokens
  cache.add(`a${LONG}${LONG.slice(0, 40)}`)
  assert.equal(cache.tokens, before + 10)
})

test('a text larger than the budget is not kept, and a budget of 0 keeps nothing', () => {
  const cache = new SimCache(0)
  cache.add('one')
  assert.equal(cache.match('one two'), 0)
  assert.equal(cache.tokens, 0)
})

test('the engine reads only what it has not cached, and says so', async () => {
  const engine = new SimEngine({
    cacheTokens: 1000,
    prefillTokensPerSecond: 1000,
    decodeTokensPerSecond: Infinity
  })
  const usageOf = async (prompt: string) => {
    const answer = engine.generate(
      { input: { mode: 'direct', prompt }, maxTokens: 2, sampling: {} },
      new AbortController().signal
    )
    for (;;) {
      const { done, value } = await answer.next()
      if (done === true) return value
    }
  }
  const first = await usageOf(`${LONG} one`)
  const second = await usageOf(`${LONG} two`)
  assert.equal(first.usage.cachedPromptTokens, 0)
  assert.equal(second.usage.cachedPromptTokens, 100)
})
