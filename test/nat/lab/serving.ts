/**
 * A home that serves, with a client beside it, or a worker of that mesh, on a machine of the
 * laboratory. Streams are watched here, where nothing lies between the client and the clock.
 */
import { randomBytes } from 'node:crypto'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { gatewayInfer } from '#shared/contracts/inference/methods.ts'
import { gatewayReady } from '#shared/contracts/peers/peers.ts'
import type { PeerRole } from '#shared/contracts/peers/role.ts'
import { TlsRelays } from '#shared/mesh/connection/tls/tls-relays.ts'
import type { Address } from '#shared/mesh/discovery/mesh-address.ts'
import { inferThrough } from '#shared/inference/failover/infer-through.ts'
import type { JoinMesh } from '#shared/mesh/join.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import { openMesh, openNode } from '#shared/mesh/open-mesh.ts'
import { PeerPool } from '#shared/mesh/peer-pool.ts'
import { readRegistry } from '#shared/mesh/read-registry.ts'
import { createLogger } from '#shared/process/log.ts'
import { createContext } from '#shared/rpc/context.ts'
import type { LinkPath } from '#shared/rpc/peer-link.ts'
import { Router } from '#shared/rpc/router.ts'
import { Access } from '../../../services/gateway/access/access.ts'
import { createGateway } from '../../../services/gateway/gateway.ts'
import { createOrchestrator } from '../../../services/orchestrator/orchestrator.ts'
import { MemoryCatalogue } from '../../../services/registry/peers/catalogue.ts'
import { createRegistry } from '../../../services/registry/registry.ts'
import { SimEngine } from '../../../services/worker/engines/sim/sim-engine.ts'
import { createWorker } from '../../../services/worker/worker.ts'
import { memberOf } from '../../helpers/peers/member.ts'
import { decodeRoot } from '../../helpers/peers/mesh-root.ts'
import { requestOf } from '../../helpers/requests.ts'
import { answer } from './answer.ts'

const POLL_MS = 20
const READY_MS_MAX = 1000
const STATUS_MS_MAX = 5000
const STREAM_MS_MAX = 300_000

export interface ServingOptions {
  root: string
  /** What is served here; a home has a client, too. */
  part: 'home' | 'worker'
  tokensPerSecond?: number
  /** Relays over TLS that are known here. */
  tlsRelays?: Address[]
}

interface StreamOptions {
  prompt: string
  tokens: number
}

/** What a client has seen of a stream. */
export interface SeenStream {
  text: string
  /** When tokens came, by the clock of the machine. */
  arrivedAt: number[]
  /** How often it was told that the answer waits for a worker. */
  waits: number
}

const options = JSON.parse(process.argv[2]!) as ServingOptions
const root = decodeRoot(options.root)
const log = createLogger(process.env['LOG_LEVEL'] ?? 'silent', options.part)
const node = openNode(root, new TlsRelays(options.tlsRelays))
const self = { host: options.part, version: '0.0.0' }
const meshes: Mesh[] = []
/** When a peer of a role was first connected, by the clock of the machine. */
const linkedAt = new Map<string, number>()
const joiner =
  (role: PeerRole): JoinMesh =>
  (router) => {
    const mesh = openMesh({ address: root, node, ...memberOf(root, role), router, log })
    meshes.push(mesh)
    mesh.on('link', ({ peer }) => linkedAt.set(peer.role, linkedAt.get(peer.role) ?? Date.now()))
    return mesh
  }

/** What the running stream has brought so far. */
let seen: SeenStream = { text: '', arrivedAt: [], waits: 0 }
let ended: Promise<void> = Promise.resolve()
/** Asks as a client of the home. */
let gateways: PeerPool | null = null
let registries: PeerPool | null = null

answer({
  async start() {
    if (options.part === 'worker') await startWorker(options.tokensPerSecond ?? 10)
    else await startHome()
  },
  /** Until a request would be answered. */
  async ready() {
    for (;;) {
      using context = createContext({ timeoutMs: READY_MS_MAX })
      const reply = await gateways!.call(gatewayReady, {}, context).catch(() => ({ ready: false }))
      if (reply.ready) return
      await sleep(POLL_MS)
    }
  },
  /** When `haif status` first shows a worker, and that it is reached in this way. */
  async shows(path: LinkPath): Promise<number> {
    for (;;) {
      using context = createContext({ timeoutMs: STATUS_MS_MAX })
      const { peers } = await readRegistry(registries!, context, { links: true })
      const workers = peers.filter(({ role }) => role === 'worker')
      // It shows the connection that tokens take, where one is known.
      if (workers.some((worker) => (worker.links?.[0] ?? worker).path === path)) return Date.now()
      await sleep(POLL_MS)
    }
  },
  /** When a peer of the role was first connected. */
  linkedAt: (role: PeerRole): number | null => linkedAt.get(role) ?? null,
  /** When every connection with a peer of the role first took that path. */
  async takes({ role, path }: { role: PeerRole; path: LinkPath }): Promise<number> {
    const links = () => meshes.flatMap((mesh) => mesh.links(role))
    while (links().length === 0 || links().some((link) => link.path !== path)) await sleep(POLL_MS)
    return Date.now()
  },
  stream(asked: StreamOptions) {
    seen = { text: '', arrivedAt: [], waits: 0 }
    ended = read(asked)
    ended.catch(() => {}) // the test hears it when it asks for the end
  },
  /** Until so many tokens have come. */
  async tokens(count: number) {
    const failed = ended.then(() => count)
    while (seen.arrivedAt.length < count) await Promise.race([sleep(POLL_MS), failed])
  },
  async end(): Promise<SeenStream> {
    await ended
    return seen
  },
  /** The relay between here and the peers of a role; null: none. */
  relays: (role: PeerRole): (string | null)[] =>
    meshes.flatMap((mesh) => mesh.links(role).map(({ relay }) => relay))
})

async function read({ prompt, tokens }: StreamOptions): Promise<void> {
  using context = createContext({ timeoutMs: STREAM_MS_MAX })
  const request = requestOf({ prompt, maxTokens: tokens, watchQueue: true })
  for await (const { text, tokenIds, queued } of inferThrough(
    gateways!,
    gatewayInfer,
    request,
    context
  )) {
    seen.text += text
    for (let i = 0; i < tokenIds.length; i++) seen.arrivedAt.push(Date.now())
    if (queued !== undefined && seen.arrivedAt.length > 0) seen.waits++
  }
}

async function startHome(): Promise<void> {
  const access = new Access({
    store: null,
    pepper: randomBytes(32),
    maxConcurrentPerCaller: 16,
    log
  })
  const common = { self, store: null, log }
  const registry = createRegistry({
    ...common,
    join: joiner('registry'),
    catalogue: new MemoryCatalogue()
  })
  const orchestrator = createOrchestrator({
    ...common,
    join: joiner('orchestrator'),
    returnMs: 15_000
  })
  const gateway = createGateway({ join: joiner('gateway'), self, access, usage: null, log })
  const bridge = joiner('bridge')(new Router())
  const client = joiner('client')(new Router())
  for (const service of [registry, orchestrator, gateway, bridge, client]) await service.start()
  bridge.follow('gateway')
  client.follow('registry')
  gateways = new PeerPool(bridge, 'gateway')
  registries = new PeerPool(client, 'registry')
}

async function startWorker(decodeTokensPerSecond: number): Promise<void> {
  const worker = createWorker({
    join: joiner('worker'),
    models: [
      { name: 'sim', engine: 'sim', open: async () => new SimEngine({ decodeTokensPerSecond }) }
    ],
    labels: {},
    self,
    onDrain: () => worker.stop(),
    drainMs: 1000,
    log
  })
  await worker.start()
}
