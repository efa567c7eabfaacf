/** F10: a report that could do harm does not fit its contract. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Compile } from 'typebox/compile'
import { PeerReport } from '#shared/contracts/peers/peers.ts'
import { InferenceEnd } from '#shared/contracts/inference/answer.ts'
import { plainText } from '#shared/contracts/plain-text.ts'

const fits = Compile(PeerReport)
const model = {
  name: 'm',
  state: 'ready',
  engine: 'llama',
  slots: 1,
  running: 0,
  waiting: 0,
  prefillTokensPerSecond: 1,
  decodeTokensPerSecond: 1
}
const report = (more: object = {}, worker: object = {}) => ({
  host: 'h',
  version: '1',
  worker: { models: [{ ...model, ...worker }], draining: false },
  ...more
})

test('F10: control characters and numbers that no column holds are refused', () => {
  assert.ok(fits.Check(report()))
  const bad = [
    report({ host: 'a\u0000b' }),
    report({ version: '1\n2' }),
    report({ hardware: { cpus: 1e15, memoryBytes: 1, platform: 'x' } }),
    report({}, { name: 'a\u0007b' }),
    report({}, { error: 'x'.repeat(513) }),
    report({}, { contextTokens: 2 ** 31 }),
    report({}, { slots: 1e9 }),
    report({}, { parameters: 1e300 }),
    report({}, { prefillTokensPerSecond: 1e12 })
  ]
  for (const [i, each] of bad.entries()) assert.equal(fits.Check(each), false, `case ${i}`)
})

test('F4: counts that no sum could hold are refused', () => {
  const end = (tokens: number) => ({
    finishReason: 'stop',
    usage: { promptTokens: tokens, cachedPromptTokens: 0, completionTokens: tokens },
    timings: { queueMs: 0, prefillMs: 0, decodeMs: 0 },
    model: 'm',
    provider: 'llama'
  })
  const check = Compile(InferenceEnd)
  assert.ok(check.Check(end(1000)))
  assert.equal(check.Check(end(Number.MAX_SAFE_INTEGER)), false)
})

test('what an honest worker writes is made to fit', () => {
  assert.equal(plainText('two\nlines\u0000', 100), 'two lines')
  assert.equal(plainText('x'.repeat(600), 512).length, 512)
})
