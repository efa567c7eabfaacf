/** A step of llama.cpp that is broken off from another thread. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { chooseLlama } from '../../../../../../services/worker/engines/llama/child/driver/api/llama-libraries.ts'
import { loadNative } from '../../../../../../services/worker/engines/llama/child/driver/load-native.ts'
import { GREEDY } from '../../../../../../services/worker/engines/llama/child/greedy-step.ts'
import {
  beginStep,
  endStep,
  newStepMemory,
  stopReading
} from '../../../../../../services/worker/engines/llama/child/step-memory.ts'
import { isToken } from '../../../../../../services/worker/engines/llama/child/tokens.ts'
import { randomModel } from '../engines.ts'
import { until } from '../../../../../helpers/until.ts'

test('only a step in which nothing but that request is read is ended', () => {
  const step = newStepMemory()
  stopReading(step, 7)
  assert.equal(step.stop[0], 0)
  beginStep(step, 7)
  stopReading(step, 8)
  assert.equal(step.stop[0], 0)
  stopReading(step, 7)
  assert.equal(step.stop[0], 1)
  beginStep(step, 9)
  assert.equal(step.stop[0], 0, 'the next step begins anew')
  endStep(step)
  stopReading(step, 9)
  assert.equal(step.stop[0], 0)
})

test('a step that is broken off leaves nothing, and is made again with the same result', async () => {
  const step = newStepMemory()
  const { driver, vocabulary } = await loadNative(
    chooseLlama(false, () => {}),
    {
      modelPath: await randomModel({ after }, { shape: { contextLength: 1024 } }),
      gpu: false,
      cores: 1,
      models: 1,
      creditTokens: 1,
      slots: 1
    },
    { onProgress: () => {}, onLog: () => {}, step }
  )
  const tokens = Array.from({ length: 500 }, (_, i) => i % 100).filter((id) =>
    isToken(id, vocabulary.size)
  )
  const read = async () => {
    const drawing = driver.draw(0, GREEDY)
    const [outcome] = await driver.compute([{ slot: 0, tokens, drawing }], 1)
    await drawing.close()
    return outcome
  }
  const expected = await read()
  assert.ok(expected !== null && expected !== undefined && 'token' in expected)
  await driver.clear(0)

  // The step begins by clearing the byte, so it is set again and again, until the thread ends.
  const setting =
    'for (const stop = require("worker_threads").workerData; ;) Atomics.store(stop, 0, 1)'
  const stopper = new Worker(setting, { eval: true, workerData: step.stop })
  try {
    await new Promise((resolve) => stopper.once('online', resolve))
    // On a busy machine a whole step may pass before the thread has its turn.
    await until(async () => {
      await driver.clear(0)
      const outcome = await read()
      return outcome !== null && outcome !== undefined && 'brokenOff' in outcome
    })
  } finally {
    await stopper.terminate()
  }
  assert.equal(driver.cachedTokens(0), 0)
  assert.deepEqual(await read(), expected)
})
