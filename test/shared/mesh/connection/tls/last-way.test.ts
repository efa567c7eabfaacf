import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { withLastWay } from '#shared/mesh/connection/tls/last-way.ts'
import { HaifError } from '#shared/errors.ts'

/** A race of the usual way and the last one, under a clock of its own. */
function racing(t: TestContext, { received = (): number => 0, last = async () => 'tls' } = {}) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let begun = 0
  const dropped: string[] = []
  const result = withLastWay(promise, {
    last: () => {
      begun++
      return last()
    },
    received,
    drop: (late) => dropped.push(late)
  })
  return { result, resolve, reject, dropped, begun: () => begun }
}

test('the last way is not tried where the usual one works', async (t) => {
  const { result, resolve, begun } = racing(t)
  resolve('direct')
  assert.equal(await result, 'direct')
  t.mock.timers.tick(10_000)
  assert.equal(begun(), 0)
})

test('while UDP is silent it begins beside the usual way, which is dropped when it comes late', async (t) => {
  const { result, resolve, dropped } = racing(t)
  t.mock.timers.tick(700)
  assert.equal(await result, 'tls')
  resolve('direct')
  await Promise.resolve()
  await Promise.resolve()
  assert.deepEqual(dropped, ['direct'])
})

test('where UDP answers, the usual way has to fail first', async (t) => {
  let packets = 0
  const { result, reject, begun } = racing(t, { received: () => packets++ })
  t.mock.timers.tick(5000)
  await Promise.resolve()
  assert.equal(begun(), 0)
  reject(new Error('no hole'))
  assert.equal(await result, 'tls')
})

test('a refusal is final, and when both fail the usual way says why', async (t) => {
  const refused = racing(t)
  refused.reject(new HaifError('WRONG_MESH', 'not you'))
  await assert.rejects(refused.result, { code: 'WRONG_MESH' })
  assert.equal(refused.begun(), 0)
  t.mock.timers.reset()
  const lost = racing(t, {
    last: async () => {
      throw new Error('no relay')
    }
  })
  lost.reject(new Error('no hole'))
  await assert.rejects(lost.result, /no hole/)
})
