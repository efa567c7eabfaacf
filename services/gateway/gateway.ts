/** Who may ask, and how much. What it lets through goes to an orchestrator. */
import { randomUUID } from 'node:crypto'
import { gatewayEmbed } from '#shared/contracts/embedding.ts'
import { gatewayInfer, orchestratorInfer } from '#shared/contracts/inference.ts'
import type { InferenceEnd, InferenceItem, InferenceRequest } from '#shared/contracts/inference.ts'
import {
  gatewayModels,
  gatewayReady,
  orchestratorReady,
  registryList,
  type PeerReport
} from '#shared/contracts/peers.ts'
import { HaifError } from '#shared/errors.ts'
import type { Service } from '#shared/lifecycle.ts'
import type { Logger } from '#shared/log.ts'
import type { JoinMesh } from '#shared/mesh/join.ts'
import { inferBatchesThrough } from '#shared/mesh/infer-through.ts'
import { PeerPool } from '#shared/mesh/peer-pool.ts'
import { Reporter } from '#shared/mesh/reporter.ts'
import type { ItemBatch } from '#shared/rpc/items.ts'
import { Router, type ServerContext } from '#shared/rpc/router.ts'
import { ConcurrencyLimit } from './concurrency.ts'
import { embedThrough } from './embeddings.ts'
import { metered } from './metered.ts'
import type { UsageRecorder } from './usage-row.ts'

export interface GatewayDeps {
  join: JoinMesh
  /** What the gateway says of itself. */
  self: PeerReport
  /** Requests that one caller may have running; a caller is a tenant or else an HTTP client's address. */
  maxConcurrentPerCaller: number
  /** Absent: what requests cost is not recorded. */
  usage?: UsageRecorder | null
  log: Logger
}

export function createGateway(deps: GatewayDeps): Service {
  const { join, self, log, usage = null } = deps
  const limit = new ConcurrencyLimit(deps.maxConcurrentPerCaller)
  let stopping = false

  async function* infer(
    request: InferenceRequest,
    context: ServerContext
  ): AsyncGenerator<ItemBatch<InferenceItem>, InferenceEnd, void> {
    if (stopping) throw new HaifError('SHUTTING_DOWN', 'this gateway is stopping')
    const tenant = request.tenantId ?? request.caller ?? context.peer.key
    const leave = limit.enter(tenant)
    const usageId = request.usageId ?? randomUUID()
    try {
      const known = { ...request, usageId }
      const items = inferBatchesThrough(orchestrators, orchestratorInfer, known, context)
      if (usage === null) return yield* items
      const { requestId } = context
      const charged = { usageId, requestId, tenantId: tenant, tokenId: null }
      return yield* metered(items, request, charged, usage)
    } finally {
      leave()
    }
  }

  const router = new Router()
    .serve(gatewayInfer, infer)
    .respond(gatewayEmbed, (request, context) => {
      if (stopping) throw new HaifError('SHUTTING_DOWN', 'this gateway is stopping')
      return embedThrough({ orchestrators, limit, usage }, request, context)
    })
    .respond(gatewayModels, async (_request, context) => {
      const { models } = await registries.call(registryList, {}, context)
      return { models }
    })
    .respond(gatewayReady, (_request, context) =>
      orchestrators.size === 0
        ? { ready: false, reason: 'no orchestrator is connected' }
        : orchestrators.call(orchestratorReady, {}, context)
    )
  const mesh = join(router)
  const orchestrators = new PeerPool(mesh, 'orchestrator')
  const registries = new PeerPool(mesh, 'registry')
  const reporter = new Reporter({ mesh, to: ['registry'], describe: () => self, log })
  return {
    async start() {
      await mesh.start()
      mesh.follow('orchestrator')
      mesh.follow('registry')
      reporter.start()
      log.info({ peer: mesh.key }, 'gateway is up')
    },
    health: () =>
      orchestrators.size > 0
        ? { ready: true }
        : { ready: false, reason: 'no orchestrator is connected' },
    async stop() {
      stopping = true
      reporter.stop()
      await mesh.stop()
    }
  }
}
