import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'
import type { Grant } from '../../../../services/orchestrator/placement/grant.ts'
import { ask, longContext, modelReport, startDispatcher } from '../workers/table.ts'

test('R14: a request that comes in the moment the line empties is served in its turn', async (t) => {
  const { dispatcher, report } = startDispatcher()
  report('w', [modelReport({ slots: 1 })])
  const context = longContext(t)
  const first = await dispatcher.acquire(ask(), context)
  const second = dispatcher.acquire(ask(), context)
  first.succeeded()
  const third = dispatcher.acquire(ask(), context) // before the second one has heard of its grant
  const granted = await second
  assert.equal(dispatcher.waiting('m'), 1)
  granted.succeeded()
  assert.equal((await third).holding.workerKey, 'w')
})

test('R8: a request that leaves as it is granted a worker gives it back', async (t) => {
  const { dispatcher, report } = startDispatcher()
  report('w', [modelReport({ slots: 1 })])
  const first = await dispatcher.acquire(ask(), longContext(t))
  const leaving = longContext(t)
  const granted = dispatcher.acquire(ask(), leaving)
  first.succeeded()
  leaving.abort(new Error('gone'))
  ;(await granted).failed(null) // it was granted before it left: whoever asked settles it
  assert.equal((await dispatcher.acquire(ask(), longContext(t))).holding.load, 1)
})

/** A worker whose breaker has opened. */
async function broken(mesh: ReturnType<typeof startDispatcher>, key: string) {
  const holding = mesh.table.holding(key, 'm')!
  const others = [...mesh.table.holders('m')].filter((other) => other !== holding)
  for (let i = 0; i < 3; i++) {
    mesh.dispatcher.tryNow(ask('x', { exclude: new Set(others) }))!.failed('brokeOff')
  }
  return holding
}

test('a trial that ends without an answer and without a fault is followed by another trial', async (t) => {
  const mesh = startDispatcher()
  mesh.report('w', [modelReport()])
  await broken(mesh, 'w')
  await assert.rejects(mesh.dispatcher.acquire(ask(), longContext(t)), {
    code: 'NO_ELIGIBLE_WORKER'
  })
  mesh.clock.ms += 1000
  const trial = await mesh.dispatcher.acquire(ask(), longContext(t))
  trial.failed(null) // its caller has left
  const again = await mesh.dispatcher.acquire(ask(), longContext(t))
  again.succeeded()
})

test('an attempt of before the failures, cancelled, does not allow a second trial', async (t) => {
  const mesh = startDispatcher()
  mesh.report('w', [modelReport({ slots: 8 })])
  const before = await mesh.dispatcher.acquire(ask(), longContext(t))
  await broken(mesh, 'w')
  mesh.clock.ms += 1000
  await mesh.dispatcher.acquire(ask(), longContext(t)) // the trial
  before.failed(null)
  assert.equal(mesh.dispatcher.tryNow(ask()), null)
})

test('R14: a failing worker with free slots does not disturb the order of those that wait', async (t) => {
  const mesh = startDispatcher()
  mesh.report('good', [modelReport()])
  mesh.report('bad', [modelReport()])
  await broken(mesh, 'bad')
  const context = longContext(t)
  let running = await mesh.dispatcher.acquire(ask('large'), context)
  const served: string[] = []
  const wait = async (tenant: string) => {
    running = await mesh.dispatcher.acquire(ask(tenant), context)
    served.push(tenant)
  }
  const large = Array.from({ length: 5 }, () => wait('large'))
  mesh.dispatcher.pump('m')
  const small = wait('small')
  for (let i = 0; i < 6; i++) {
    running.succeeded()
    await turn()
  }
  await Promise.all([...large, small])
  assert.ok(served.indexOf('small') <= 1, served.join(' '))
})

test('a worker that says it no longer holds a model ends the wait of those that want it', async (t) => {
  const { dispatcher, report } = startDispatcher()
  const link = report('w', [modelReport(), modelReport({ name: 'other' })])
  await dispatcher.acquire(ask(), longContext(t))
  const waiting = dispatcher.acquire(ask(), longContext(t))
  report('w', [modelReport({ name: 'other' })], link)
  await assert.rejects(waiting, { code: 'MODEL_NOT_FOUND' })
})

test('an explanation shows the candidates that were looked at, the chosen one among them', async (t) => {
  const mesh = startDispatcher()
  for (let i = 0; i < 500; i++) mesh.report(`w${i}`, [modelReport()])
  const affine = Array.from({ length: 400 }, (_, i) => `w${i}`)
  const grants: Grant[] = []
  for (let i = 0; i < 20; i++) {
    const given = { ...ask(), explain: true, affine: i % 2 === 0 ? [] : affine }
    grants.push(await mesh.dispatcher.acquire(given, longContext(t)))
  }
  for (const { explanation, holding } of grants) {
    const workers = explanation!.candidates.map(({ worker }) => worker)
    assert.ok(workers.includes(holding.workerKey))
    assert.ok(workers.length <= 256, `${workers.length} candidates`)
  }
})
