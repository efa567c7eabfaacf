/** Contexts and slots of real engines. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ramBytesFree } from '../../../../../services/worker/memory/ram.ts'
import { answer, direct, randomModel, startEngine, type RunningEngine } from './engines.ts'

/** With HAIF_SOAK=1 the prompt has 32k tokens, which take 7 s, else so many as are read in one. */
const PROMPT_TOKENS = process.env['HAIF_SOAK'] === '1' ? 32_768 : 4096
/** Trained for a long context, with attention that costs little. */
const LONG = { shape: { contextLength: 131_072, heads: 1 } }

suite('context and slots', () => {
  test('a prompt of 32k tokens is answered with no option given', async (t) => {
    if (ramBytesFree() < 2e9) return t.skip('less than 2 GB are free')
    const { engine, events } = await startEngine(t, { modelPath: await randomModel(t, LONG) })
    const { contextTokens } = ready(events)
    assert.ok(contextTokens > 32_768, `${contextTokens} tokens of context`)
    const { usage } = await answer(engine, direct('x'.repeat(PROMPT_TOKENS), { maxTokens: 4 }))
    assert.ok(usage.promptTokens >= PROMPT_TOKENS)
    assert.equal(usage.completionTokens, 4)
  })

  test('what the owner asks for is what there is', async (t) => {
    const { engine } = await startEngine(t, {
      modelPath: await randomModel(t, LONG),
      contextTokens: 2048,
      slots: 3,
      kv: 'q8_0'
    })
    assert.equal(engine.metrics().slots, 3)
    await assert.rejects(answer(engine, direct('x'.repeat(3000))), {
      code: 'CONTEXT_TOO_LONG',
      message: /context 2048/
    })
    const { usage } = await answer(engine, direct('hello', { maxTokens: 3 }))
    assert.equal(usage.completionTokens, 3)
  })
})

function ready(events: RunningEngine['events']) {
  const event = events.findLast(({ kind }) => kind === 'ready')
  assert.equal(event?.kind, 'ready')
  return event.model
}
