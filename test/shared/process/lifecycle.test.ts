import assert from 'node:assert/strict'
import { test } from 'node:test'
import { together, type Service } from '#shared/process/lifecycle.ts'

/** Writes down what happens to it. */
const noted = (events: string[], name: string, startFailure?: Error): Service => ({
  start: async () => {
    events.push(`start ${name}`)
    if (startFailure !== undefined) throw startFailure
  },
  stop: async () => void events.push(`stop ${name}`)
})

test('services stop in the reverse order of their starts, but for those that stop first or last', async () => {
  const events: string[] = []
  const [store, edge, worker] = ['store', 'edge', 'worker'].map((name) => noted(events, name))
  const nodes = noted(events, 'nodes') // they run already
  const all = together([store!, edge!, worker!], { first: [edge!], last: [nodes] })
  await all.start()
  await all.stop()
  await all.stop() // once is enough
  const starts = ['start store', 'start edge', 'start worker']
  assert.deepEqual(events, [...starts, 'stop edge', 'stop worker', 'stop store', 'stop nodes'])
})

test('a service that does not start stops those that have started, and no other', async () => {
  const events: string[] = []
  const failure = new Error('the port is taken')
  const edge = noted(events, 'edge', failure)
  const never = noted(events, 'never')
  const order = { first: [never, edge], last: [noted(events, 'nodes')] }
  await assert.rejects(together([noted(events, 'store'), edge, never], order).start(), failure)
  assert.deepEqual(events, ['start store', 'start edge', 'stop edge', 'stop store', 'stop nodes'])
})

test('one service that does not stop in good order does not keep the others up', async () => {
  const stopped: string[] = []
  const service = (name: string, failure?: Error): Service => ({
    start: async () => {},
    stop: async () => {
      stopped.push(name)
      if (failure !== undefined) throw failure
    }
  })
  const failure = new Error('it hangs')
  const all = together([service('first'), service('second', failure), service('third')])
  await all.start()
  await assert.rejects(all.stop(), failure)
  assert.deepEqual(stopped, ['third', 'second', 'first'])
})

test('services that stop one after the other have the time of all of them together', () => {
  const service = (stopMsMax?: number): Service => ({
    start: async () => {},
    stop: async () => {},
    ...(stopMsMax === undefined ? {} : { stopMsMax })
  })
  assert.equal(together([service(), service(60_000), service(10)]).stopMsMax, 60_010)
})
