import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SimEngine } from '../../../../services/worker/engines/sim/sim-engine.ts'

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

  let answer = await fitting[0]!.next()
  while (answer.done !== true) answer = await fitting[0]!.next()
  const { promptTokens, completionTokens } = answer.value.usage
  assert.equal(promptTokens + completionTokens, 64)
  assert.equal(answer.value.finishReason, 'length')
  assert.equal((await fifthAnswers).done, false)
  for (const open of [...fitting, fifth]) await open.return(answer.value)
  assert.equal(engine.metrics().running, 0)
})
