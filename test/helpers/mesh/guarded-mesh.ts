/** A mesh with tokens, its books and a bridge that others could reach. */
import { join } from 'node:path'
import type { CreateToken } from '#shared/contracts/access/access.ts'
import { createLogger, silentLogger, type Logger } from '#shared/process/log.ts'
import type { Store } from '#shared/store/store.ts'
import { createMetrics } from '#shared/telemetry/metrics.ts'
import type { Access } from '../../../services/gateway/access/access.ts'
import { SpoolClient } from '../../../services/gateway/usage/spool-client.ts'
import { UsageWriter } from '../../../services/gateway/usage/usage-writer.ts'
import { createHttpBridge, type HttpBridge } from '../../../services/http-bridge/http-bridge.ts'
import { temporaryHome } from '../cli.ts'
import { embeddingSource } from './embedding-engine.ts'
import { simSource, startMesh, type TestMesh } from './mesh.ts'
import { atEnd, type Scope } from '../peers/peers.ts'
import { startPostgresStore } from '../stores/stores.ts'

export interface GuardedMesh {
  mesh: TestMesh
  access: Access
  store: Store
  usage: UsageWriter
  bridge: HttpBridge
  /** `route` as `GET /health`. */
  ask: (route: string, token?: string, body?: object) => Promise<Response>
  token: (tenant: string, ...scopes: string[]) => Promise<string>
  make: (wish: CreateToken) => ReturnType<Access['stored']['admin']['createToken']>
  /** Every line of the gateway's and the bridge's log. */
  logged: string[]
}

/** Models: `sim`, and `vectors`, which embeds. */
export async function startGuardedMesh(t: Scope, { takesJobs = false } = {}): Promise<GuardedMesh> {
  const { store } = await startPostgresStore(t)
  const usage = await startUsage(t, store)
  const logged: string[] = []
  const log = capturing(logged)
  const mesh = await startMesh(t, { gateways: 0, workers: [], usage, takesJobs })
  const access = await mesh.addGateway({ store, log })
  const free = { decodeTokensPerSecond: Infinity, prefillTokensPerSecond: Infinity }
  await mesh.addWorker([simSource(free), embeddingSource({ ...free, name: 'vectors' })])
  const make = (wish: CreateToken) =>
    access.stored.admin.createToken(wish, { actor: 'test', requestId: 'r' })
  const token = async (tenant: string, ...scopes: string[]) =>
    (await make({ tenant, ...(scopes.length > 0 ? { scopes } : {}) })).secret
  await token('first') // before the bridge, which else refuses to listen beyond this machine
  await mesh.ready()
  const bridge = createHttpBridge({
    join: mesh.joiner('bridge'),
    self: { host: 'test', version: '0' },
    host: '0.0.0.0',
    port: 0,
    metrics: createMetrics(),
    drainMs: 200,
    log
  })
  atEnd(t, () => bridge.stop())
  await bridge.start()
  const ask = (route: string, secret?: string, body?: object) => {
    const [method = '', path = ''] = route.split(' ')
    const headers: Record<string, string> = {}
    if (body !== undefined) headers['content-type'] = 'application/json'
    if (secret !== undefined) headers['authorization'] = `Bearer ${secret}`
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    return fetch(bridge.url + path.replace(':id', 'unknown'), { method, headers, ...sent })
  }
  return { mesh, access, store, usage, bridge, ask, token, make, logged }
}

async function startUsage(t: Scope, store: Store): Promise<UsageWriter> {
  const spool = new SpoolClient(join(temporaryHome(t), 'usage.sqlite'), 10_000)
  const usage = new UsageWriter({ store, spool, log: silentLogger() })
  atEnd(t, () => usage.stop())
  await usage.start()
  return usage
}

/** A logger of everything, whose lines can be searched. */
function capturing(lines: string[]): Logger {
  const log = createLogger('silent')
  const note = (...parts: unknown[]) => void lines.push(JSON.stringify(parts))
  for (const level of ['trace', 'debug', 'info', 'warn', 'error'] as const) log[level] = note
  return log
}
