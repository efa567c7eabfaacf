import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SimEngine } from '../../../../../services/worker/engines/sim/sim-engine.ts'

test('a request without a limit of its own holds KV memory for one context, not more', async () => {
  const engine = new SimEngine({
    slots: 16,
    contextTokens: 64,
    kvTokens: 4 * 64,
    decodeTokensPerSecond: Infinity,
    prefillTokensPerSecond: Infinity
  })
  const { signal } = new AbortController()
  const ask = () =>
    engine.generate(
      { input: { mode: 'direct', prompt: 'one two' }, maxTokens: 1_048_576, sampling: {} },
      signal
    )
  const fitting = Array.from({ length: 4 }, ask)
  await Promise.all(fitting.map((answer) => answer.next()))
  const fifth = ask()
  const fifthAnswers = fifth.next()
  assert.deepEqual([engine.metrics().running, engine.metrics().waiting], [4, 1])
  const full = { runningTokens: 4 * 64, keptTokens: 0, tokensMax: 4 * 64 }
  assert.deepEqual(engine.metrics().kvCache, full)

  let answer = await fitting[0]!.next()
  while (answer.done !== true) answer = await fitting[0]!.next()
  const { promptTokens, completionTokens } = answer.value.usage
  assert.equal(promptTokens + completionTokens, 64)
  assert.equal(answer.value.finishReason, 'length')
  assert.equal((await fifthAnswers).done, false)
  for (const open of [...fitting, fifth]) await open.return(answer.value)
  assert.equal(engine.metrics().running, 0)
  assert.equal(engine.metrics().kvCache!.runningTokens, 0)
})

test('what is kept of ended requests is told beside what runs', async () => {
  const engine = new SimEngine({
    kvTokens: 1000,
    cacheTokens: 500,
    decodeTokensPerSecond: Infinity,
    prefillTokensPerSecond: Infinity
  })
  const input = { mode: 'direct', prompt: 'x'.repeat(400) } as const
  const { signal } = new AbortController()
  const answer = engine.generate({ input, maxTokens: 10, sampling: {} }, signal)
  await answer.next()
  assert.equal(engine.metrics().kvCache!.runningTokens, 110)
  for await (const _ of answer);
  const kept = { runningTokens: 0, keptTokens: 100, tokensMax: 1500 }
  assert.deepEqual(engine.metrics().kvCache, kept)
})

test('a prompt is told in its tokens, and the rest of one that was told in part', async () => {
  const engine = new SimEngine({ prefillTokensPerSecond: Infinity })
  const told = async (resumePromptTokens: number) => {
    const request = { maxTokens: 0, sampling: {}, promptLogprobs: true, topLogprobs: 1 }
    const input = { mode: 'direct', prompt: 'one two three' } as const
    const asked = { ...request, input, resumePromptTokens }
    const items = await Array.fromAsync(engine.generate(asked, new AbortController().signal))
    return items.flatMap(({ prompt = [] }) => prompt)
  }
  const whole = await told(0)
  assert.equal(whole.map(({ token }) => token).join(''), 'one two three')
  assert.equal(whole[0]!.logprob, null)
  assert.ok(whole.slice(1).every(({ logprob, top }) => logprob === top[0]!.logprob))
  assert.deepEqual(await told(2), whole.slice(2))
})
