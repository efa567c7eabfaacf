import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Driver } from '../../../../../../services/worker/engines/llama/child/driver.ts'
import { warmUp } from '../../../../../../services/worker/engines/llama/child/warm-up.ts'

/** A driver that computes nothing and keeps the number of tokens of each step. */
function recording(slots: number) {
  const steps: number[] = []
  let open = 0
  const driver: Driver = {
    slots,
    seesLogits: false,
    cachedTokens: () => 0,
    sharedTokens: () => 0,
    keepShared: async () => 0,
    copyPrefix: async () => true,
    clear: async () => {},
    draw() {
      open++
      return { close: async () => void open-- }
    },
    async compute(parts) {
      steps.push(parts.reduce((sum, { tokens }) => sum + tokens.length, 0))
      return parts.map(() => null)
    }
  }
  return { driver, steps, open: () => open }
}

test('steps of all sizes are computed before a model on a GPU is ready', async () => {
  const { driver, steps, open } = recording(12)
  await warmUp(driver, 300)
  assert.deepEqual(steps, [1, 2, 4, 8, 12, 2, 8, 32, 64, 128, 256])
  assert.equal(open(), 0, 'every drawing is closed')
})

test('a context that holds hardly anything is not warmed up', async () => {
  const { driver, steps } = recording(2)
  await warmUp(driver, 32)
  assert.deepEqual(steps, [])
})
