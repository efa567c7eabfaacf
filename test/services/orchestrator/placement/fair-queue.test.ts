import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FairQueue, type Priority } from '../../../../services/orchestrator/placement/fair-queue.ts'

const share = (tenant: string, weight = 1, priority: Priority = 'interactive') => ({
  tenant,
  weight,
  priority
})

function drain<Entry>(queue: FairQueue<Entry>, count = Infinity): Entry[] {
  const served: Entry[] = []
  while (served.length < count) {
    const entry = queue.shift()
    if (entry === null) break
    served.push(entry)
  }
  return served
}

test('R14: a thousand requests of one tenant stand in the way of one of another', () => {
  const queue = new FairQueue<string>(2000)
  for (let i = 0; i < 1000; i++) queue.push(`large ${i}`, share('large'))
  drain(queue, 10)
  queue.push('small', share('small'))
  assert.ok(queue.position('small') <= 1)
  assert.ok(drain(queue, 2).includes('small'))
})

test('twice the weight is twice the share', () => {
  const queue = new FairQueue<string>(1000)
  for (let i = 0; i < 300; i++) queue.push(`heavy ${i}`, share('heavy', 2))
  for (let i = 0; i < 300; i++) queue.push(`light ${i}`, share('light', 1))
  const heavy = drain(queue, 90).filter((entry) => entry.startsWith('heavy')).length
  assert.ok(heavy >= 58 && heavy <= 62, `${heavy} of 90`)
})

test('interactive goes first, and batch still gets a turn now and then', () => {
  const queue = new FairQueue<string>(1000)
  for (let i = 0; i < 100; i++) queue.push(`batch ${i}`, share('a', 1, 'batch'))
  for (let i = 0; i < 100; i++) queue.push(`now ${i}`, share('b'))
  const batch = drain(queue, 80).filter((entry) => entry.startsWith('batch')).length
  assert.equal(batch, 10)
})

test('a tenant cannot save up turns while it does not wait', () => {
  const queue = new FairQueue<string>(1000)
  for (let i = 0; i < 50; i++) queue.push(`steady ${i}`, share('steady'))
  drain(queue, 40)
  for (let i = 0; i < 20; i++) queue.push(`new ${i}`, share('new'))
  const fresh = drain(queue, 10).filter((entry) => entry.startsWith('new')).length
  assert.ok(fresh <= 6, `${fresh} of 10`)
})

test('it is bounded, and an entry that leaves makes room', () => {
  const queue = new FairQueue<string>(2)
  assert.ok(queue.push('a', share('t')))
  assert.ok(queue.push('b', share('t')))
  assert.equal(queue.push('c', share('t')), false)
  queue.remove('a')
  assert.ok(queue.push('c', share('t')))
  assert.deepEqual(drain(queue), ['b', 'c'])
})

test('R9 R14: whatever comes and goes: nothing is lost, nothing is twice, each tenant in order', () => {
  const step = fc.record({
    kind: fc.constantFrom('push', 'push', 'shift', 'remove'),
    tenant: fc.constantFrom('a', 'b', 'c'),
    weight: fc.constantFrom(1, 2, 5),
    priority: fc.constantFrom<Priority>('interactive', 'batch'),
    pick: fc.nat()
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queue = new FairQueue<{ id: number; lane: string }>(50)
      const waiting = new Set<{ id: number; lane: string }>()
      const lastServed = new Map<string, number>()
      const served = (entry: { id: number; lane: string } | null) => {
        assert.equal(entry === null, waiting.size === 0)
        if (entry === null) return
        assert.ok(waiting.delete(entry))
        assert.ok(entry.id > (lastServed.get(entry.lane) ?? -1))
        lastServed.set(entry.lane, entry.id)
      }
      for (const [id, { kind, tenant, weight, priority, pick }] of steps.entries()) {
        if (kind === 'push') {
          const entry = { id, lane: `${tenant}/${priority}` }
          if (queue.push(entry, { tenant, weight, priority })) waiting.add(entry)
          else assert.equal(waiting.size, 50)
        } else if (kind === 'shift') {
          const next = queue.peek()
          const entry = queue.shift()
          assert.equal(entry, next)
          served(entry)
        } else {
          const entry = [...waiting][pick % Math.max(1, waiting.size)]
          if (entry === undefined) continue
          queue.remove(entry)
          waiting.delete(entry)
        }
        assert.equal(queue.size, waiting.size)
      }
      while (waiting.size > 0) served(queue.shift())
    })
  )
})
