/**
 * Serves the requests of orchestrators: for answers and for vectors. A model that is not in memory
 * is loaded for them, and stays there until the last of them has ended.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  tokensIn,
  type InferenceEnd,
  type InferenceItem,
  type UsedSampling
} from '#shared/contracts/inference/answer.ts'
import type { AttemptRequest, Sampling } from '#shared/contracts/inference/request.ts'
import type { CountAttempt, CountReply } from '#shared/contracts/inference/count.ts'
import { type EmbedAttempt, type EmbedReply } from '#shared/contracts/inference/embedding.ts'
import type { SignedReceipt } from '#shared/contracts/inference/receipt.ts'
import { encodeVectors } from '#shared/contracts/inference/vectors.ts'
import { HaifError } from '#shared/errors.ts'
import { forward } from '#shared/kit/forward.ts'
import type { ServerContext } from '#shared/rpc/router.ts'
import type { Engine } from '../engines/engine.ts'
import { toGenerate } from './generate-request.ts'
import type { HeldModel } from '../models/held-model.ts'
import type { HeldModels } from '../models/held-models.ts'
import type { ModelLoader } from '../models/model-loader.ts'
import type { Attempted, Receipts } from './receipts.ts'
import type { RunningRequests } from './running-requests.ts'
import { counterOf, embedderOf, refuseUnsupported } from './supported.ts'

/** The part of a request's context that matters here. */
type Serving = Pick<ServerContext, 'peer' | 'requestId' | 'signal' | 'abort'>

interface ServedRequestsDeps {
  models: Pick<HeldModels, 'named'>
  loader: Pick<ModelLoader, 'load' | 'changed'>
  running: Pick<RunningRequests, 'enter'>
  receipts: Pick<Receipts, 'sign' | 'now'>
}

/** How often a waiting request is told the progress of the load. */
const LOADING_MS = 500

export class ServedRequests {
  readonly #deps: ServedRequestsDeps

  constructor(deps: ServedRequestsDeps) {
    this.#deps = deps
  }

  async *infer(
    request: AttemptRequest,
    context: Serving
  ): AsyncGenerator<InferenceItem, InferenceEnd, void> {
    const model = this.#modelNamed(request.asked.model)
    using _ = this.#enter(model, context)
    let seq = request.sent === undefined ? 0 : tokensIn(request.sent)
    for await (const queued of this.#untilLoaded(model, context.signal)) {
      yield { seq, tokenIds: [], text: '', queued }
    }
    const startedAt = this.#deps.receipts.now
    const { engine, loaded } = model.ready()
    const { digest } = loaded
    const { name } = model.source
    refuseUnsupported(engine, request.asked)
    const answer = engine.generate(toGenerate(request, digest), context.signal)
    const used = samplingOf(engine, request.asked.sampling)
    let first = true
    const end = yield* forward(answer, (item) => {
      const numbered = first ? { ...item, seq, digest, model: name, ...used } : { ...item, seq }
      first = false
      seq += tokensIn(item)
      return numbered
    })
    const { promptTokens, completionTokens } = end.usage
    const tokens = { promptTokens, completionTokens }
    const receipt = this.#receipt(model, context, { digest, startedAt, ...tokens })
    return { ...end, model: name, provider: engine.kind, ...used, receipt }
  }

  async embed({ asked }: EmbedAttempt, context: Serving): Promise<EmbedReply> {
    const model = this.#modelNamed(asked.model)
    using _ = this.#enter(model, context)
    const loading = this.#untilLoaded(model, context.signal)
    while ((await loading.next()).done !== true); // a call has no way to report progress
    const startedAt = this.#deps.receipts.now
    const { engine: loadedEngine, loaded } = model.ready()
    const engine = embedderOf(loadedEngine, model.name)
    const { vectors: found, promptTokens } = await engine.embed(asked.inputs, context.signal)
    const attempted = { digest: loaded.digest, startedAt, promptTokens, completionTokens: 0 }
    const receipt = this.#receipt(model, context, attempted)
    const vectors = encodeVectors(found)
    return { model: model.source.name, provider: engine.kind, vectors, promptTokens, receipt }
  }

  /** Only what is in memory is asked: no model is loaded to count. */
  async count({ asked }: CountAttempt, context: Serving): Promise<CountReply> {
    const model = this.#modelNamed(asked.model)
    using _ = this.#enter(model, context)
    const { engine, loaded } = model.ready()
    const counter = counterOf(engine, model.name)
    const request = toGenerate({ asked }, loaded.digest)
    return { promptTokens: await counter.count(request, context.signal) }
  }

  #receipt(
    { source }: HeldModel,
    { requestId }: Serving,
    attempted: Omit<Attempted, 'requestId' | 'model'>
  ): SignedReceipt {
    return this.#deps.receipts.sign({ ...attempted, requestId, model: source.name })
  }

  #modelNamed(name: string | undefined): HeldModel {
    const model = name === undefined ? undefined : this.#deps.models.named(name)
    if (model !== undefined) return model
    throw new HaifError('MODEL_NOT_FOUND', `this worker does not hold ${name ?? ''}`)
  }

  /** Counts a request until it is disposed of; until then the model is not unloaded. */
  #enter(model: HeldModel, context: Serving): Disposable {
    const running = this.#deps.running.enter(context)
    const leave = model.enter(context.peer.key)
    return {
      [Symbol.dispose]: () => {
        leave()
        this.#deps.loader.changed()
        running[Symbol.dispose]()
      }
    }
  }

  /** Repeats the progress of the load, so that the orchestrator does not take it for silence. */
  async *#untilLoaded(model: HeldModel, signal: AbortSignal): AsyncGenerator<Loading> {
    if (!model.mayLoad) return
    const loaded = this.#deps.loader.load(model).then(() => true)
    for (;;) {
      const { progress = 0, loadMs = 0 } = model.describe()
      yield { ahead: 0, waitMs: loadMs, loading: progress }
      const tick = sleep(LOADING_MS, false, { signal }).catch(() => signal.throwIfAborted())
      if ((await Promise.race([loaded, tick])) === true) return
    }
  }
}

/** What the answer is drawn with, for those who report it. */
function samplingOf(
  { defaults }: Pick<Engine, 'defaults'>,
  { temperature = defaults?.temperature, topP = defaults?.topP }: Sampling
): { sampling?: UsedSampling } {
  if (temperature === undefined || topP === undefined) return {}
  return { sampling: { temperature, topP } }
}

type Loading = NonNullable<InferenceItem['queued']>
