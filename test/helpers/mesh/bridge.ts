/** A bridge of a test's mesh. */
import { silentLogger } from '#shared/process/log.ts'
import { createMetrics } from '#shared/telemetry/metrics.ts'
import { createHttpBridge } from '../../../services/http-bridge/http-bridge.ts'
import type { TestMesh } from './mesh.ts'
import { atEnd, type Scope } from '../peers/peers.ts'
import { until } from '../until.ts'

/** This machine by a name that a browser does not know as such: no secure context without TLS. */
export const ELSEWHERE_HOST = 'elsewhere.test'

/** Its address, once the mesh answers through it (or at once, where there is no worker yet). */
export async function addBridge(t: Scope, mesh: TestMesh, ready = true): Promise<string> {
  const bridge = createHttpBridge({
    join: mesh.joiner('bridge'),
    self: { host: 'test', version: '0.0.0' },
    host: '127.0.0.1',
    port: 0,
    allowedHosts: [ELSEWHERE_HOST],
    metrics: createMetrics(),
    log: silentLogger(),
    drainMs: 200
  })
  atEnd(t, () => bridge.stop())
  await bridge.start()
  if (ready) await until(async () => (await fetch(`${bridge.url}/readyz`)).ok)
  return bridge.url
}
