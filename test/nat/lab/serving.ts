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
import { inferThrough } from '#shared/inference/failover/infer-through.ts'
import type { JoinMesh } from '#shared/mesh/join.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import { openMesh, openNode } from '#shared/mesh/open-mesh.ts'
import { PeerPool } from '#shared/mesh/peer-pool.ts'
import { createLogger } from '#shared/process/log.ts'
import { createContext } from '#shared/rpc/context.ts'
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
const STREAM_MS_MAX = 300_000

export interface ServingOptions {
  root: string
  /** What is served here; a home has a client, too. */
  part: 'home' | 'worker'
  tokensPerSecond?: number
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
const node = openNode(root)
const self = { host: options.part, version: '0.0.0' }
const meshes: Mesh[] = []
const joiner =
  (role: PeerRole): JoinMesh =>
  (router) => {
    const mesh = openMesh({ address: root, node, ...memberOf(root, role), router, log })
    meshes.push(mesh)
    return mesh
  }

/** What the running stream has brought so far. */
let seen: SeenStream = { text: '', arrivedAt: [], waits: 0 }
let ended: Promise<void> = Promise.resolve()
/** Asks as a client of the home. */
let gateways: PeerPool | null = null

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
  const client = joiner('bridge')(new Router())
  for (const service of [registry, orchestrator, gateway, client]) await service.start()
  client.follow('gateway')
  gateways = new PeerPool(client, 'gateway')
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
