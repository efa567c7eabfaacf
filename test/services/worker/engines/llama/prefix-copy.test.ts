/**
 * A prefix whose slot is busy is copied to another one, and the answer is the one of a slot of its
 * own.
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { answer, direct, randomModel, startEngine } from './engines.ts'

const modelPath = await randomModel({ after }, { shape: { contextLength: 2048 } })
const { engine } = await startEngine({ after }, { modelPath, slots: 2 })

test('a prompt that begins as one that is being answered is not computed again', async () => {
  const prefix = 'ab '.repeat(100)
  const asked = direct(`${prefix} and then`, { maxTokens: 24 })
  const alone = await answer(engine, asked)
  await answer(engine, direct('x'.repeat(400), { maxTokens: 1 })) // both slots hold something else
  await answer(engine, direct('y'.repeat(400), { maxTokens: 1 }))

  const abort = new AbortController()
  const busy = engine.generate(direct(`${prefix}first`, { maxTokens: 1500 }), abort.signal)
  await busy.next()
  const beside = await answer(engine, asked)
  abort.abort(new Error('enough'))
  await assert.rejects(async () => {
    for (;;) if ((await busy.next()).done === true) break
  }, /enough/)

  assert.deepEqual(beside.tokenIds, alone.tokenIds)
  const { cachedPromptTokens, promptTokens } = beside.usage
  assert.ok(cachedPromptTokens >= prefix.length - 1, `${cachedPromptTokens} of ${promptTokens}`)
})
