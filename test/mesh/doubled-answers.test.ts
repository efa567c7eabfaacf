/**
 * A gateway that was given up may end its answer all the same: the books have it once, with what
 * the caller was given in the end.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { gatewayInfer } from '#shared/contracts/inference/methods.ts'
import { inferThrough } from '#shared/inference/failover/infer-through.ts'
import { PeerPool } from '#shared/mesh/peer-pool.ts'
import { silentLogger } from '#shared/process/log.ts'
import { createContext } from '#shared/rpc/context.ts'
import type { Store } from '#shared/store/store.ts'
import { SpoolClient } from '../../services/gateway/usage/spool-client.ts'
import { UsageWriter } from '../../services/gateway/usage/usage-writer.ts'
import { findDisagreements } from '../../services/gateway/usage/verify-usage.ts'
import { temporaryHome } from '../helpers/cli.ts'
import { startMesh } from '../helpers/mesh/mesh.ts'
import { atEnd, startPeer } from '../helpers/peers/peers.ts'
import { requestOf } from '../helpers/requests.ts'
import { freshDatabase } from '../helpers/stores/postgres.ts'
import { openStore } from '../helpers/stores/stores.ts'
import { until } from '../helpers/until.ts'

const TOKENS = 24
interface Booked {
  way: number
  completion_tokens: number
  finish_reason: string | null
}

const rowsOf = (store: Store, requestId: string) =>
  store.query<Booked>(
    `select way, completion_tokens, finish_reason from requests where request_id = $1 order by way`,
    [requestId]
  )

test('an answer whose end was lost on its way is in the books once', async (t) => {
  const store = await openStore(t, await freshDatabase())
  const spool = new SpoolClient(join(temporaryHome(t), 'usage.sqlite'), 1000)
  const writer = new UsageWriter({ store, spool, log: silentLogger() })
  atEnd(t, () => writer.stop())
  await writer.start()
  let cut: (() => void) | null = null
  const mesh = await startMesh(t, {
    gateways: 2,
    usage: {
      async record(row) {
        await writer.record(row)
        cut?.() // before the end is on its way
        cut = null
      }
    }
  })
  const peer = await startPeer(t, mesh.topicKey, { role: 'bridge' })
  peer.follow('gateway')
  await until(() => peer.links('gateway').length === 2)
  const pool = new PeerPool(peer, 'gateway')
  cut = () => peer.links('gateway').forEach((link) => link.close('cut by the test'))
  using context = createContext({ requestId: 'lost-end', timeoutMs: 30_000 })
  const stream = inferThrough(pool, gatewayInfer, requestOf({ maxTokens: TOKENS }), context)
  let given = 0
  for (;;) {
    const { done, value } = await stream.next()
    if (done === true) break
    given += value.tokenIds.length
  }
  assert.equal(given, TOKENS)
  await writer.flush()
  assert.deepEqual(await rowsOf(store, 'lost-end'), [
    { way: 0, completion_tokens: 0, finish_reason: null },
    { way: 1, completion_tokens: TOKENS, finish_reason: 'length' }
  ])
  assert.deepEqual((await findDisagreements(store, {})).problems, [])
})
