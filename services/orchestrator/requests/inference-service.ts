/** Answers inferences: by a run, by a run with the same Idempotency-Key, and not before warm-up. */
import { HaifError } from '#shared/errors.ts'
import type { CountReply } from '#shared/contracts/inference/count.ts'
import type { EmbedReply, EmbedRequest } from '#shared/contracts/inference/embedding.ts'
import type { QueuedView } from '#shared/contracts/http/admin/queue.ts'
import type { InferenceEnd, InferenceItem } from '#shared/contracts/inference/answer.ts'
import type { Asked, InferenceRequest } from '#shared/contracts/inference/request.ts'
import type { Logger } from '#shared/process/log.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import type { ItemBatch } from '#shared/rpc/items.ts'
import type { ServerContext } from '#shared/rpc/router.ts'
import type { AttemptCounts } from '../orchestrator-metrics.ts'
import type { Dispatcher } from '../placement/dispatcher.ts'
import { bytesOf } from '../placement/waiting-bytes.ts'
import { affinityOf, NO_AFFINITY } from '../prefixes/affinity.ts'
import type { PrefixHints } from '../prefixes/prefix-hints.ts'
import type { PrefixIndex } from '../prefixes/prefix-index.ts'
import type { IdempotentAnswers } from '../repeats/idempotency.ts'
import type { WarmUp } from '../workers/warm-up.ts'
import { countSomewhere } from './counts.ts'
import { embedSomewhere } from './embeddings.ts'
import { chooseModel, type ChoiceDeps } from './model-choice.ts'
import { promptTokensOf } from '#shared/inference/prompt-size.ts'
import { RequestRun } from './request-run.ts'

interface InferenceServiceDeps extends ChoiceDeps {
  dispatcher: Dispatcher
  warmUp: WarmUp
  /** How long an answer waits for its only worker to come back; 0 unless given. */
  returnMs?: number
  answers: IdempotentAnswers
  /** Null: requests do not follow the caches of their prompts. */
  affinity: { prefixes: PrefixIndex; hints: PrefixHints | null } | null
  counts: AttemptCounts
  log: Logger
  now: () => number
}

type Answer = AsyncGenerator<InferenceItem | ItemBatch<InferenceItem>, InferenceEnd, void>

export class InferenceService {
  readonly #deps: InferenceServiceDeps
  readonly #runs = new Set<RequestRun>() // bounded by the streams of all gateways
  #isStopping = false

  constructor(deps: InferenceServiceDeps) {
    this.#deps = deps
  }

  infer(request: InferenceRequest, context: ServerContext): Answer {
    this.#assertUp()
    return this.#deps.warmUp.isOver || this.#isHeld(request)
      ? this.#answer(request, context)
      : this.#answerAfterWarmUp(request, context)
  }

  async embed(request: EmbedRequest, context: ServerContext): Promise<EmbedReply> {
    this.#assertUp()
    const { table, dispatcher, aliases, now } = this.#deps
    const pump = (model: string) => dispatcher.pump(model)
    try {
      return await embedSomewhere({ table, aliases, now, pump }, request, context)
    } catch (error) {
      this.#assertUp()
      throw error
    }
  }

  async count(asked: Asked, context: ServerContext): Promise<CountReply> {
    this.#assertUp()
    const { table, aliases, now } = this.#deps
    return countSomewhere({ table, aliases, now }, asked, context)
  }

  /** Ends what runs or waits under this id; returns how many did. */
  cancel(requestId: string): number {
    const runs = [...this.#runs].filter((run) => run.view().requestId === requestId)
    const error = new HaifError('CANCELLED', 'an operator has cancelled this request')
    for (const run of runs) run.cancel(error)
    return runs.length
  }

  stop(): void {
    this.#isStopping = true
    this.#deps.answers.stop()
  }

  /** Every request that waits or runs here, as operators see it. */
  views(): QueuedView[] {
    return [...this.#runs].map((run) => run.view())
  }

  /** While this orchestrator stops its workers seem to be lost, and another one can go on. */
  #assertUp(): void {
    if (this.#isStopping) throw new HaifError('SHUTTING_DOWN', 'this orchestrator is stopping')
  }

  /** Some worker has a model ready that answers the request. */
  #isHeld(request: InferenceRequest): boolean {
    const { table } = this.#deps
    if (table.size === 0) return false
    if (request.asked.model === undefined) return table.readyModels().size > 0
    return table.slots(chooseModel(request, this.#deps)) > 0
  }

  async *#answerAfterWarmUp(request: InferenceRequest, context: ServerContext): Answer {
    await this.#deps.warmUp.wait(() => this.#isHeld(request), context)
    this.#assertUp()
    return yield* this.#answer(request, context)
  }

  #answer(request: InferenceRequest, context: ServerContext): Answer {
    const tenant = request.charge.tenantId ?? request.charge.caller ?? context.peer.key
    const { idempotencyKey } = request.handling
    if (idempotencyKey === undefined) return this.#run(request, context, tenant)
    return this.#deps.answers.stream({ tenant, idempotencyKey }, request, context, (again, own) =>
      this.#run(again, own, tenant)
    )
  }

  #run(request: InferenceRequest, context: RequestContext, tenant: string) {
    const { affinity, dispatcher, counts, log, now, returnMs = 0 } = this.#deps
    const { asked, handling, charge } = request
    const model = chooseModel(request, this.#deps)
    const { affine, cachedTokens, remember } =
      affinity === null ? NO_AFFINITY : affinityOf(affinity, model, asked.input, charge.cacheScope)
    const { priority = 'interactive', explain = false } = handling
    const promptTokens = promptTokensOf(asked.input)
    const share = { tenant, weight: charge.weight ?? 1, priority }
    const placement = { promptTokens, labels: asked.labels, workers: asked.workers, cachedTokens }
    const assertUp = () => this.#assertUp()
    return new RequestRun(
      { dispatcher, counts, log, now, returnMs, onBegun: remember, assertUp, runs: this.#runs },
      request,
      context,
      { model, share, affine, explain, placement, bytes: () => bytesOf(request) }
    ).run()
  }
}
