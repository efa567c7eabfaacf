import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Hearing } from '../../../../../../services/worker/engines/llama/child/hearing.ts'
import {
  beginStep,
  endStep,
  newStepMemory
} from '../../../../../../services/worker/engines/llama/child/step-memory.ts'

test('a thread that does not answer is deaf since it was asked, or since its last step began', () => {
  const step = newStepMemory()
  let asked = 0
  const hearing = new Hearing(step, () => asked++)
  assert.equal(hearing.deafSince(), 0)
  const since = hearing.deafSince()
  assert.ok(since > 0)
  assert.equal(hearing.deafSince(), since)
  assert.equal(asked, 1) // one question at a time
  Atomics.store(step.began, 0, BigInt(since) + 5n)
  assert.equal(hearing.deafSince(), since + 5)
  endStep(step)
  hearing.heard()
  assert.equal(hearing.deafSince(), 0)
  assert.equal(asked, 2)
  beginStep(step, 1)
  assert.ok(hearing.deafSince() > 0)
})
