/** Which worker, and what when it fails. Workers connect and report; requests come from gateways. */
import { orchestratorEmbed } from '#shared/contracts/inference/embedding.ts'
import type { InferenceEnd, InferenceItem } from '#shared/contracts/inference/answer.ts'
import type { InferenceRequest } from '#shared/contracts/inference/request.ts'
import { orchestratorInfer } from '#shared/contracts/inference/methods.ts'
import {
  orchestratorDrain,
  orchestratorReady,
  report,
  workerDrain,
  type PeerReport
} from '#shared/contracts/peers/peers.ts'
import { HaifError } from '#shared/errors.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import type { Logger } from '#shared/process/log.ts'
import type { JoinMesh } from '#shared/mesh/join.ts'
import { Reporter } from '#shared/mesh/reporter.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import type { PeerLink } from '#shared/rpc/peer-link.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import type { ItemBatch } from '#shared/rpc/items.ts'
import type { SharedState } from '#shared/store/shared-state.ts'
import type { Store } from '#shared/store/store.ts'
import { Router, type ServerContext } from '#shared/rpc/router.ts'
import { Dispatcher } from './placement/dispatcher.ts'
import { embedSomewhere } from './requests/embeddings.ts'
import { IdempotentAnswers } from './repeats/idempotency.ts'
import { AttemptCounts, HintCounts, observeWorkers } from './orchestrator-metrics.ts'
import { chooseModel, type Aliases } from './requests/model-choice.ts'
import { PrefixHints } from './prefixes/prefix-hints.ts'
import { PrefixIndex, prefixChain } from './prefixes/prefix-index.ts'
import { promptCharacters, TOKEN_CHARACTERS } from './requests/prompt-size.ts'
import { Reservations } from './repeats/reservations.ts'
import { RequestRun } from './requests/request-run.ts'
import { WarmUp } from './workers/warm-up.ts'
import { WorkerTable } from './workers/worker-table.ts'

export interface OrchestratorDeps {
  join: JoinMesh
  /** What the orchestrator says of itself. */
  self: PeerReport
  log: Logger
  aliases?: Aliases
  /** Whether prompts follow the caches of their beginnings. */
  affinity?: boolean
  /** Where reservations of requests with an Idempotency-Key survive a restart. */
  store?: Store | null
  /** Over which it tells others where prompts went; started before. Null: it keeps that to itself. */
  shared?: SharedState | null
  /** How long after its start it expects workers to come; 0 unless given. */
  settleMs?: number
  now?: () => number
  random?: () => number
}

export function createOrchestrator(deps: OrchestratorDeps): Service {
  const { join, self, log, aliases = new Map() as Aliases, affinity = true } = deps
  const { now = () => performance.now(), random = Math.random, store = null } = deps
  const { shared = null } = deps
  const table = new WorkerTable(random, now)
  const dispatcher = new Dispatcher({ table, now })
  const counts = new AttemptCounts()
  observeWorkers(table, dispatcher)
  const hintCounts = new HintCounts()
  const prefixes = new PrefixIndex()
  const warmUp = new WarmUp({ settleMs: deps.settleMs ?? 0, now })
  let stopping = false

  /** While this orchestrator stops its workers seem to be lost, and another one can go on. */
  function assertUp(): void {
    if (stopping) throw new HaifError('SHUTTING_DOWN', 'this orchestrator is stopping')
  }

  function run(request: InferenceRequest, context: RequestContext, tenant: string) {
    const model = chooseModel(request, table, aliases)
    const chain = affinity ? prefixChain(model, request.input) : []
    const seen = prefixes.lookup(chain)
    const ask = {
      model,
      share: { tenant, weight: request.weight ?? 1, priority: request.priority ?? 'interactive' },
      affine: [...seen.keys()],
      explain: request.explain === true,
      placement: {
        promptTokens: Math.ceil(promptCharacters(request.input) / TOKEN_CHARACTERS),
        labels: request.labels,
        cachedTokens: (key: string) => Math.floor((seen.get(key) ?? 0) / TOKEN_CHARACTERS)
      }
    } as const
    const onBegun = (workerKey: string) => {
      const known = prefixes.remember(chain, workerKey)
      hints?.gather(chain, known, workerKey)
    }
    return new RequestRun(
      { dispatcher, counts, log, now, onBegun, assertUp },
      request,
      context,
      ask
    ).run()
  }

  function infer(
    request: InferenceRequest,
    context: ServerContext
  ): AsyncGenerator<InferenceItem | ItemBatch<InferenceItem>, InferenceEnd, void> {
    assertUp()
    return warmUp.isOver || isHeld(request)
      ? answer(request, context)
      : inferSettled(request, context)
  }

  /** Whether a worker has what answers the request. */
  function isHeld(request: InferenceRequest): boolean {
    return (
      table.size > 0 &&
      (request.model === undefined
        ? table.readyModels().size > 0
        : table.slots(chooseModel(request, table, aliases)) > 0)
    )
  }

  async function* inferSettled(
    request: InferenceRequest,
    context: ServerContext
  ): ReturnType<typeof answer> {
    await warmUp.wait(() => isHeld(request), context)
    assertUp()
    return yield* answer(request, context)
  }

  function answer(
    request: InferenceRequest,
    context: ServerContext
  ): AsyncGenerator<InferenceItem | ItemBatch<InferenceItem>, InferenceEnd, void> {
    const tenant = request.tenantId ?? request.caller ?? context.peer.key
    const { idempotencyKey } = request
    if (idempotencyKey === undefined) return run(request, context, tenant)
    const key = { tenant, idempotencyKey }
    return answers.stream(key, request, context, (again, own) => run(again, own, tenant))
  }

  const router = new Router()
    .respond(report, ({ worker }, { peer }) => {
      const link = mesh.link(peer.key)
      if (worker === undefined || link === undefined) return {}
      for (const model of table.update(link, worker)) dispatcher.pump(model)
      warmUp.reported()
      return {}
    })
    .respond(orchestratorReady, () =>
      table.readyModels().size === 0 && table.loadableModels().size === 0
        ? { ready: false, reason: 'no worker has a model ready' }
        : { ready: true }
    )
    .respond(orchestratorDrain, async ({ worker }, context) => {
      const link = workerLink(mesh, worker)
      await link.call(workerDrain, {}, context)
      log.info({ worker: link.peer.key }, 'worker drains')
      return { worker: link.peer.key }
    })
    .respond(orchestratorEmbed, (request, context) => {
      assertUp()
      return embedSomewhere({ table, aliases }, request, context)
    })
    .serve(orchestratorInfer, infer)
  const mesh = join(router)
  const reservations = store === null ? null : new Reservations({ store, owner: mesh.key, log })
  const answers = new IdempotentAnswers(reservations)
  const knownWorker = (key: string) => mesh.link(key)?.peer.key
  const hints =
    shared === null
      ? null
      : new PrefixHints({ shared, prefixes, knownWorker, counts: hintCounts, log })
  mesh.on('lost', (link) => {
    for (const model of table.remove(link)) dispatcher.pump(model)
  })
  const reporter = new Reporter({ mesh, to: ['registry'], describe: () => self, log })
  return {
    async start() {
      await mesh.start()
      mesh.follow('registry')
      reporter.start()
      await reservations?.start()
      await hints?.start()
      warmUp.start()
      log.info({ peer: mesh.key }, 'orchestrator is up')
    },
    async stop() {
      stopping = true
      answers.stop()
      hints?.stop()
      await reservations?.stop()
      reporter.stop()
      await mesh.stop()
    }
  }
}

/** The one worker whose key begins like that. */
function workerLink(mesh: Mesh, beginning: string): PeerLink {
  const links = mesh.links('worker').filter(({ peer }) => peer.key.startsWith(beginning))
  const [link] = links
  if (link !== undefined && links.length === 1) return link
  throw new HaifError(
    'NOT_FOUND',
    links.length === 0
      ? `no worker with a key that begins with ${beginning} is connected; see "haif status"`
      : `${links.length} workers have a key that begins with ${beginning}: give more of it`
  )
}
