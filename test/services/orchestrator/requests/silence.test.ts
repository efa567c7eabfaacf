import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Silence } from '../../../../services/orchestrator/requests/silence.ts'

test('a silence is noticed after its own bound, also when the one before had a longer bound', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let now = 0
  const pass = (ms: number) => {
    now += ms
    t.mock.timers.tick(ms)
  }
  const silence = new Silence(() => now)
  let noticed = false
  silence.await(120_000, () => assert.fail('the first answer came'))
  pass(1000)
  silence.heard()
  silence.await(1500, () => (noticed = true))
  pass(1499)
  assert.equal(noticed, false)
  pass(1)
  assert.ok(noticed)
  silence.stop()
})
