/** Which worker, and what when it fails. Workers connect and report; requests come from gateways. */
import {
  orchestratorInfer,
  type InferenceEnd,
  type InferenceItem,
  type InferenceRequest
} from '#shared/contracts/inference.ts'
import { orchestratorReady, report, type PeerReport } from '#shared/contracts/peers.ts'
import { HaifError } from '#shared/errors.ts'
import type { Service } from '#shared/lifecycle.ts'
import type { Logger } from '#shared/log.ts'
import type { JoinMesh } from '#shared/mesh/join.ts'
import { Reporter } from '#shared/mesh/reporter.ts'
import { Router, type ServerContext } from '#shared/rpc/router.ts'
import { Dispatcher } from './dispatcher.ts'
import { defaultModel } from './placement.ts'
import { PrefixIndex, prefixChain } from './prefix-index.ts'
import { promptCharacters, TOKEN_CHARACTERS } from './prompt-size.ts'
import { RequestRun } from './request-run.ts'
import { WorkerTable } from './worker-table.ts'

export interface OrchestratorDeps {
  join: JoinMesh
  /** What the orchestrator says of itself. */
  self: PeerReport
  log: Logger
  now?: () => number
  random?: () => number
}

export function createOrchestrator(deps: OrchestratorDeps): Service {
  const { join, self, log, now = () => performance.now(), random = Math.random } = deps
  const table = new WorkerTable(random)
  const dispatcher = new Dispatcher({ table, now })
  const prefixes = new PrefixIndex()
  let stopping = false

  async function* infer(
    request: InferenceRequest,
    context: ServerContext
  ): AsyncGenerator<InferenceItem, InferenceEnd, void> {
    if (stopping) throw new HaifError('SHUTTING_DOWN', 'this orchestrator is stopping')
    const model = request.model ?? defaultModel(table.readyModels())
    if (model === null) {
      throw new HaifError('NO_ELIGIBLE_WORKER', 'no worker has a model ready', {
        retryAfterMs: 2000
      })
    }
    const chain = prefixChain(model, request.input)
    const seen = prefixes.lookup(chain)
    const ask = {
      model,
      share: {
        tenant: request.tenantId ?? request.caller ?? context.peer.key,
        weight: 1,
        priority: request.priority ?? 'interactive'
      },
      affine: [...seen.keys()],
      placement: {
        promptTokens: Math.ceil(promptCharacters(request.input) / TOKEN_CHARACTERS),
        labels: request.labels,
        cachedTokens: (key: string) => Math.floor((seen.get(key) ?? 0) / TOKEN_CHARACTERS)
      }
    } as const
    const onBegun = (workerKey: string) => prefixes.remember(chain, workerKey)
    return yield* new RequestRun({ dispatcher, log, now, onBegun }, request, context, ask).run()
  }

  const router = new Router()
    .respond(report, ({ worker }, { peer }) => {
      const link = mesh.link(peer.key)
      if (worker === undefined || link === undefined) return {}
      table.update(link, worker)
      for (const { name } of worker.models) dispatcher.pump(name)
      return {}
    })
    .respond(orchestratorReady, () =>
      table.readyModels().size === 0
        ? { ready: false, reason: 'no worker has a model ready' }
        : { ready: true }
    )
    .serve(orchestratorInfer, infer)
  const mesh = join(router)
  mesh.on('lost', (link) => {
    for (const model of table.remove(link)) dispatcher.pump(model)
  })
  const reporter = new Reporter({ mesh, to: ['registry'], describe: () => self, log })
  return {
    async start() {
      await mesh.start()
      mesh.follow('registry')
      reporter.start()
      log.info({ peer: mesh.key }, 'orchestrator is up')
    },
    async stop() {
      stopping = true
      reporter.stop()
      await mesh.stop()
    }
  }
}
