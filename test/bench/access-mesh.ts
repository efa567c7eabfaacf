/**
 * A whole mesh in a process of its own, for the benchmark of access: `plain`, or `guarded` with all
 * limits set, usage recorded and embedded state. Says where it listens, and the token that it
 * takes.
 */
import process from 'node:process'
import type { TestContext } from 'node:test'
import type { Limits } from '#shared/contracts/access/access.ts'
import { Home } from '#shared/main/home.ts'
import { silentLogger } from '#shared/process/log.ts'
import { createMetrics } from '#shared/telemetry/metrics.ts'
import { createUsage } from '../../services/gateway/usage/usage.ts'
import { createHttpBridge } from '../../services/http-bridge/http-bridge.ts'
import { startEmbeddedStore } from '../helpers/stores/embedded-store.ts'
import { startMesh } from '../helpers/mesh/mesh.ts'
import { atEnd } from '../helpers/peers/peers.ts'

const DECODE_TOKENS_PER_SECOND = 10
const PLENTY = 100_000_000
const LIMITS: Limits = {
  requestsPerSecond: PLENTY,
  requestsPerMinute: PLENTY,
  tokensPerMinute: PLENTY,
  concurrent: PLENTY,
  tokensPerDay: PLENTY,
  tokensPerMonth: PLENTY,
  contextTokens: PLENTY,
  outputTokens: PLENTY,
  weight: 2
}

/** Nothing here ends before the process does. */
const scope = { after: () => {} } as unknown as TestContext
const isGuarded = process.argv[2] === 'guarded'

const store = isGuarded ? (await startEmbeddedStore(scope)).store : null
const usage =
  store === null
    ? null
    : createUsage({
        store,
        home: new Home(process.env),
        usageSpoolMax: PLENTY,
        log: silentLogger()
      })
await usage?.start()
const mesh = await startMesh(scope, {
  gateways: 0,
  workers: [],
  ...(usage === null ? {} : { usage })
})
const access = await mesh.addGateway({ store, maxConcurrentPerCaller: PLENTY })
await mesh.addSimWorker({
  slots: 1024,
  decodeTokensPerSecond: DECODE_TOKENS_PER_SECOND,
  prefillTokensPerSecond: Infinity
})
if (isGuarded) {
  const actor = { actor: 'bench', requestId: 'bench' }
  const { admin } = access.stored
  await admin.setTenant({ id: 'bench', limits: LIMITS }, actor)
  const { secret } = await admin.createToken({ tenant: 'bench', limits: LIMITS }, actor)
  process.stdout.write(`token ${secret}\n`)
}
const bridge = createHttpBridge({
  join: mesh.joiner('bridge'),
  self: { host: 'bench', version: '0' },
  host: '127.0.0.1',
  port: 0,
  metrics: createMetrics(),
  log: silentLogger()
})
atEnd(scope, () => bridge.stop())
await bridge.start()
process.stdout.write(`ready ${bridge.url}\n`)
