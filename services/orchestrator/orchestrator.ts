/**
 * Chooses a worker for each request, and another one when it fails. Workers connect and report;
 * requests come from gateways.
 */
import { orchestratorCount } from '#shared/contracts/inference/count.ts'
import { orchestratorEmbed } from '#shared/contracts/inference/embedding.ts'
import { orchestratorInfer } from '#shared/contracts/inference/methods.ts'
import {
  HELD_AGAINST_MAX,
  orchestratorReady,
  report,
  type PeerReport
} from '#shared/contracts/peers/peers.ts'
import {
  orchestratorChallenge,
  orchestratorDrain,
  orchestratorOrder,
  workerChallenge,
  workerDrain,
  workerObey
} from '#shared/contracts/peers/drain.ts'
import { orchestratorCancel, orchestratorQueue } from '#shared/contracts/peers/operating.ts'
import { orchestratorSeeders } from '#shared/contracts/peers/weights.ts'
import { HaifError } from '#shared/errors.ts'
import { observeInference } from '#shared/inference/served-inference.ts'
import type { Service } from '#shared/process/lifecycle.ts'
import type { Logger } from '#shared/process/log.ts'
import type { JoinMesh } from '#shared/mesh/join.ts'
import { observeMesh } from '#shared/mesh/observe-mesh.ts'
import { Reporter } from '#shared/mesh/reporter.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import type { PeerLink } from '#shared/rpc/peer-link.ts'
import type { SharedState } from '#shared/store/shared-state.ts'
import type { Store } from '#shared/store/store.ts'
import { answerLinks } from '#shared/mesh/link-states.ts'
import { Router } from '#shared/rpc/router.ts'
import { AttemptCounts, HintCounts, observeWorkers } from './orchestrator-metrics.ts'
import { Dispatcher } from './placement/dispatcher.ts'
import { PrefixHints } from './prefixes/prefix-hints.ts'
import { PrefixIndex } from './prefixes/prefix-index.ts'
import { IdempotentAnswers } from './repeats/idempotency.ts'
import { Reservations } from './repeats/reservations.ts'
import { InferenceService } from './requests/inference-service.ts'
import { ModelAliases } from './requests/model-aliases.ts'
import { PermitCheck } from './requests/permit-check.ts'
import { DefaultModel } from './requests/default-model.ts'
import { queueView } from './requests/queue-view.ts'
import { observeRequests } from './requests/request-metrics.ts'
import { WarmUp } from './workers/warm-up.ts'
import { whyNoneReady } from './workers/not-ready.ts'
import { UnlikeHolders } from './workers/unlike-holders.ts'
import { WeightHolders } from './workers/weight-holders.ts'
import type { ModelPins } from './workers/model-pins.ts'
import { WorkerTable } from './workers/worker-table.ts'

interface OrchestratorDeps {
  join: JoinMesh
  /** The orchestrator's report of itself. */
  self: PeerReport
  log: Logger
  aliases?: ModelAliases
  /** The model for requests that name none, where some worker has it. */
  defaultModel?: () => string | undefined
  /** The files that models must have; of others any. */
  pins?: ModelPins
  /** Prompts follow the caches of their beginnings; yes unless given. */
  affinity?: boolean
  /** Keeps the reservations of requests with an Idempotency-Key over a restart. */
  store?: Store | null
  /** Tells other orchestrators where prompts went; started before. Null: no other learns it. */
  shared?: SharedState | null
  /** How long after its start it expects workers to come; 0 unless given. */
  settleMs?: number
  /** How long an answer waits for its only worker to come back; 0 unless given. */
  returnMs?: number
  now?: () => number
  random?: () => number
}

export function createOrchestrator(deps: OrchestratorDeps): Service {
  const { self, log, aliases = new ModelAliases(), affinity = true, store = null } = deps
  const { now = () => performance.now(), random = Math.random, shared = null } = deps
  const router = new Router({ observer: observeInference('orchestrator', observeRequests(log)) })
  const mesh = deps.join(router)
  observeMesh(mesh, ['worker', 'registry'])
  const table = new WorkerTable(random, now, deps.pins)
  const dispatcher = new Dispatcher({ table, now })
  observeWorkers(table, dispatcher)
  const warmUp = new WarmUp({ settleMs: deps.settleMs ?? 0, now })
  const prefixes = new PrefixIndex()
  const hintCounts = new HintCounts() // its lines are there also where no hints are shared
  const hints =
    shared === null ? null : hintsOver(shared, { mesh, prefixes, counts: hintCounts, log })
  const reservations = store === null ? null : new Reservations({ store, owner: mesh.key, log })
  const defaults = new DefaultModel(deps.defaultModel ?? noWish, () => warmUp.isOver)
  const service = new InferenceService({
    table,
    dispatcher,
    warmUp,
    returnMs: deps.returnMs ?? 0,
    answers: new IdempotentAnswers(reservations),
    affinity: affinity ? { prefixes, hints } : null,
    aliases,
    defaults,
    counts: new AttemptCounts(),
    log,
    now
  })
  answerLinks(router, mesh)
  const unlike = new UnlikeHolders({ table, log, now })
  answerWorkers(router, mesh, { table, dispatcher, warmUp, unlike })
  const warned = () => warnedBy(unlike, reservations, shared)
  answerGateways(router, mesh, { table, service, defaults, warned, log })
  const describe = () => ({ ...reportOf(self, table), ...warned() })
  const reporter = new Reporter({ mesh, to: ['registry'], describe, log })
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
      service.stop()
      hints?.stop()
      await reservations?.stop()
      reporter.stop()
      await mesh.stop()
    }
  }
}

const noWish = (): undefined => undefined

interface OrchestratorParts {
  table: WorkerTable
  dispatcher: Dispatcher
  warmUp: WarmUp
  unlike: UnlikeHolders
  service: InferenceService
  defaults: DefaultModel
  /** What does not work although requests are answered. */
  warned: () => { warnings?: string[] }
  log: Logger
}

/** Keeps the table as the connected workers report. */
function answerWorkers(
  router: Router,
  mesh: Mesh,
  {
    table,
    dispatcher,
    warmUp,
    unlike
  }: Omit<OrchestratorParts, 'service' | 'defaults' | 'warned' | 'log'>
): void {
  const weights = new WeightHolders()
  router.respond(orchestratorSeeders, (wanted, { peer }) => ({
    workers: weights.of(wanted, peer.key)
  }))
  router.respond(report, ({ worker }, { peer }) => {
    const link = mesh.link(peer.key)
    if (worker === undefined || link === undefined || peer.role !== 'worker') return {}
    weights.update(peer.key, worker)
    const models = [...table.update(link, worker)]
    for (const model of models) dispatcher.pump(model)
    unlike.look(models)
    warmUp.reported()
    return {}
  })
  mesh.on('lost', (link) => {
    if (mesh.link(link.peer.key) === undefined) weights.remove(link.peer.key)
    const models = table.remove(link)
    for (const model of models) dispatcher.pump(model)
    unlike.look(models)
  })
}

function answerGateways(
  router: Router,
  mesh: Mesh,
  {
    table,
    service,
    defaults,
    warned,
    log
  }: Omit<OrchestratorParts, 'dispatcher' | 'warmUp' | 'unlike'>
): void {
  const permits = new PermitCheck()
  router
    .serve(orchestratorInfer, (request, context) =>
      service.infer(permits.inference(request, context), context)
    )
    .respond(orchestratorEmbed, (request, context) =>
      service.embed(permits.embedding(request, context), context)
    )
    .respond(orchestratorCount, (request, context) =>
      service.count(permits.counting(request, context), context)
    )
    .respond(orchestratorReady, () => {
      const defaultModel = defaults.of(table)
      return defaultModel === null
        ? { ready: false, reason: whyNoneReady(table), ...warned() }
        : { ready: true, defaultModel, ...warned() }
    })
    .respond(orchestratorQueue, () => queueView(service.views(), table, defaults.of(table)))
    .respond(orchestratorCancel, ({ requestId }) => ({ cancelled: service.cancel(requestId) }))
    .respond(orchestratorChallenge, async ({ worker }, context) => {
      const link = workerLink(mesh, worker)
      const { nonce } = await link.call(workerChallenge, {}, context)
      return { worker: link.peer.key, nonce }
    })
    .respond(orchestratorOrder, ({ worker, order }, context) =>
      workerLink(mesh, worker).call(workerObey, { order }, context)
    )
    .respond(orchestratorDrain, async ({ worker, order }, context) => {
      await workerLink(mesh, worker).call(workerDrain, { order }, context)
      log.info({ worker }, 'worker drains')
      return {}
    })
}

function warnedBy(
  unlike: UnlikeHolders,
  reservations: Reservations | null,
  shared: SharedState | null
): { warnings?: string[] } {
  const warnings = [
    ...unlike.warnings(),
    ...(reservations?.warnings() ?? []),
    ...(shared?.health?.().warnings ?? [])
  ]
  return warnings.length === 0 ? {} : { warnings }
}

function reportOf(self: PeerReport, table: WorkerTable): PeerReport {
  const heldAgainst = [...table.heldAgainst()].slice(0, HELD_AGAINST_MAX)
  return heldAgainst.length === 0 ? self : { ...self, heldAgainst }
}

function hintsOver(
  shared: SharedState,
  { mesh, ...deps }: { mesh: Mesh; prefixes: PrefixIndex; counts: HintCounts; log: Logger }
): PrefixHints {
  const knownWorker = (key: string) => mesh.link(key)?.peer.key
  return new PrefixHints({ shared, knownWorker, ...deps })
}

/** The one connected worker whose key begins as given. */
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
