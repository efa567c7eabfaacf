/** What a jobs service says of its policy while it starts. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { silentLogger } from '#shared/process/log.ts'
import type { Store } from '#shared/store/store.ts'
import { Policies } from '../../../../services/jobs/policy/policies.ts'
import { atEnd } from '../../../helpers/peers/peers.ts'
import { STORE_KINDS } from '../../../helpers/stores/stores.ts'

/** On a database that opens when that resolves. */
async function openedLater(t: TestContext, opens: () => Promise<void>): Promise<Policies> {
  const { store } = await STORE_KINDS[0]!.start(t)
  const late = new Proxy(store, {
    get(target, name: keyof Store) {
      if (name === 'listen') {
        return (...given: Parameters<Store['listen']>) =>
          opens().then(() => target.listen(...given))
      }
      const value: unknown = target[name]
      return typeof value === 'function' ? value.bind(target) : value
    }
  })
  const policies = new Policies({ store: late, log: silentLogger() })
  atEnd(t, () => policies.stop())
  return policies
}

test('the first request waits until the policy has been read', async (t) => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const policies = await openedLater(t, () => promise)
  const started = policies.start()
  assert.throws(() => policies.current, { code: 'STORE_UNAVAILABLE', message: /still being read/ })
  const known = policies.known()
  resolve()
  await known
  assert.equal(policies.current.version, 0)
  await started
})

test('a policy that cannot be read is told at once, with the cause', async (t) => {
  const policies = await openedLater(t, () => Promise.reject(new Error('no such host')))
  const started = policies.start()
  await policies.known()
  const message = /cannot be read \(no such host\)/
  assert.throws(() => policies.document, { code: 'STORE_UNAVAILABLE', message })
  await policies.stop()
  await policies.known()
  await started
})
