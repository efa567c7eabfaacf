import assert from 'node:assert/strict'
import { test } from 'node:test'
import { together, type Service } from '#shared/process/lifecycle.ts'

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

test('what takes long to stop may do so also when it stops with others', () => {
  const service = (stopMsMax?: number): Service => ({
    start: async () => {},
    stop: async () => {},
    ...(stopMsMax === undefined ? {} : { stopMsMax })
  })
  assert.equal(together([service(), service(60_000), service(10)]).stopMsMax, 60_000)
})
