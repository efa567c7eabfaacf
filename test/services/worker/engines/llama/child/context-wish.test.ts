import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contextWish } from '../../../../../../services/worker/engines/llama/child/context-wish.ts'
import type { LoadOptions } from '../../../../../../services/worker/engines/llama/messages.ts'

const options = (more: Partial<LoadOptions> = {}): LoadOptions => {
  return { modelPath: 'm.gguf', gpu: false, models: 1, creditTokens: 1, ...more }
}
const model = { trainedTokens: 8192, onGpu: false }

test('a budget bounds what is looked for, and is no wish of the owner', () => {
  const { trainedTokens, slotsMost, slots, contextTokens } = contextWish(
    options({ most: { slots: 3, contextTokens: 2048 } }),
    model
  )
  assert.deepEqual(
    [trainedTokens, slotsMost, slots, contextTokens],
    [2048, 3, undefined, undefined]
  )
})

test('without a budget the file and the device say how much there may be', () => {
  const wish = contextWish(options({ slots: 2, models: 2 }), { ...model, onGpu: true })
  assert.deepEqual(
    [wish.trainedTokens, wish.slotsMost, wish.slots, wish.shared],
    [8192, 32, 2, true]
  )
})
