import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Grant } from '../../../../services/orchestrator/placement/grant.ts'
import { ask, modelReport, startDispatcher } from './table.ts'

test('R8: a grant that ends a second time is our own bug', () => {
  const { dispatcher, table, report } = startDispatcher()
  report('w', [modelReport({ slots: 2 })])
  const [first, second] = [dispatcher.tryNow(ask())!, dispatcher.tryNow(ask())!]
  first.succeeded()
  assert.throws(() => first.failed(null), /R8/)
  assert.equal(table.holding('w', 'm')!.load, 1, 'the other one is still there')
  second.failed('brokeOff')
})

test('R9: an attempt that ends twice for the table is our own bug', () => {
  const { table, report } = startDispatcher()
  report('w', [modelReport()])
  const placed = table.placed(table.holding('w', 'm')!)
  table.ended(placed, 'succeeded')
  assert.throws(() => table.ended(placed, 'succeeded'), /R9/)
})

test('R9: whatever workers report while attempts come and go, slots and loads add up', () => {
  const worker = fc.constantFrom('a', 'b', 'c')
  const step = fc.oneof(
    fc.record({ kind: fc.constant('report'), worker, slots: fc.nat(3), ready: fc.boolean() }),
    fc.record({ kind: fc.constant('lose'), worker }),
    fc.record({ kind: fc.constant('place') }),
    fc.record({
      kind: fc.constant('end'),
      at: fc.nat(),
      how: fc.constantFrom('succeeded', 'failed', 'fault', 'refused')
    })
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { table, dispatcher, report, clock } = startDispatcher()
      const links = new Map<string, ReturnType<typeof report>>()
      const grants: Grant[] = []
      const end = (grant: Grant, how: string) => {
        if (how === 'succeeded') grant.succeeded()
        else if (how === 'refused') grant.refused()
        else grant.failed(how === 'fault' ? 'brokeOff' : null)
      }
      for (const given of steps) {
        clock.ms += 400
        if ('slots' in given) {
          const { slots, ready } = given
          const model = modelReport({ slots, state: ready ? 'ready' : 'loading' })
          links.set(given.worker, report(given.worker, [model], links.get(given.worker)))
        } else if ('worker' in given) {
          const link = links.get(given.worker)
          if (link !== undefined) table.remove(link)
          links.delete(given.worker)
        } else if ('how' in given) {
          const [grant] = grants.splice(given.at % Math.max(1, grants.length), 1)
          if (grant !== undefined) end(grant, given.how)
        } else {
          const grant = dispatcher.tryNow(ask())
          if (grant !== null) grants.push(grant)
        }
        const ready = [...table.holders('m')].filter(({ isReady }) => isReady)
        assert.equal(
          table.slots('m'),
          ready.reduce((sum, { model }) => sum + model.slots, 0)
        )
      }
      for (const grant of grants) end(grant, 'succeeded')
      for (const [key, link] of links) report(key, [modelReport()], link) // ends refusals
      for (const { load } of table.holders('m')) assert.equal(load, 0)
    })
  )
})
