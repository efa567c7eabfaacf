/**
 * What operators tell a worker to do with its models (H16 of SPEC.md). An order is taken or refused
 * at once; how far its work is comes with the worker's reports.
 */
import { MODELS_PER_WORKER_MAX } from '#shared/contracts/peers/peers.ts'
import type { Order } from '#shared/contracts/peers/order.ts'
import type { Obeyed } from '#shared/contracts/peers/drain.ts'
import { HaifError, toHaifError } from '#shared/errors.ts'
import type { KeptModel } from '../kept-orders.ts'
import type { HeldModel } from './held-model.ts'
import type { HeldModels } from './held-models.ts'
import type { ModelLoader } from './model-loader.ts'
import type { ModelSource } from './sources/model-source.ts'

/** Counts as the user of a model that is loaded for an order: so it waits for memory. */
const OPERATOR = 'operator'

type ModelWish = NonNullable<Order['model']>

interface OrderedModelsDeps {
  models: HeldModels
  loader: ModelLoader
  /** Makes the source of a model that is not held yet. */
  sourceOf: (uri: string, name: string, digest?: string) => ModelSource
}

export class OrderedModels {
  readonly #deps: OrderedModelsDeps

  constructor(deps: OrderedModelsDeps) {
    this.#deps = deps
  }

  async obey(wish: ModelWish): Promise<Obeyed> {
    const { action, name } = wish
    switch (action) {
      case 'load':
        this.#load(this.#heldOrNew(wish))
        break
      case 'pin':
        this.#pin(this.#heldOrNew(wish))
        break
      case 'fetch':
        this.#fetch(this.#heldOrNew(wish))
        break
      case 'unload':
        await this.#unload(this.#held(name))
        break
      case 'delete':
        await this.#delete(this.#held(name))
        break
    }
    const state = this.#deps.models.named(name)?.state.kind
    return state === undefined ? { model: name } : { model: name, state }
  }

  /** Where a model comes from, as an order names it; undefined: nobody said it. */
  uriOf(name: string): string | undefined {
    return this.#deps.models.named(name)?.source.uri
  }

  /** As it was before a restart. One whose source is not known any more stays away. */
  restore({ is, ...kept }: KeptModel): void {
    if (kept.uri === undefined && this.#deps.models.named(kept.name) === undefined) return
    const model = this.#heldOrNew({ ...kept, action: 'load' })
    if (is === 'pinned') this.#pin(model)
    if (is === 'loaded' && model.onDemand) this.#load(model)
  }

  #load(model: HeldModel): void {
    const { loader } = this.#deps
    if (model.state.kind === 'ready') return
    model.acceptsOtherBytes()
    if (model.onDemand && model.state.kind === 'failed') model.becomesLoadable()
    const leave = model.enter(OPERATOR)
    void loader.load(model).finally(() => {
      leave()
      loader.changed()
    })
  }

  #pin(model: HeldModel): void {
    if (!model.onDemand) return
    this.#load(model)
    model.pin()
  }

  #fetch(model: HeldModel): void {
    if (!model.onDemand || model.state.kind === 'ready') return // it is here
    if (model.state.kind === 'failed') model.becomesLoadable()
    void this.#deps.loader.fetch(model)
  }

  async #unload(model: HeldModel): Promise<void> {
    const wasPinned = !model.onDemand && model.state.kind !== 'loading'
    if (wasPinned) model.release()
    try {
      await this.#deps.loader.unload(model)
    } catch (error) {
      if (wasPinned) model.pin()
      throw error
    }
  }

  async #delete(model: HeldModel): Promise<void> {
    await this.#unload(model)
    this.#deps.models.remove(model)
    await model.source.remove?.()
  }

  #held(name: string): HeldModel {
    const model = this.#deps.models.named(name)
    if (model !== undefined) return model
    throw new HaifError('MODEL_NOT_FOUND', `this worker does not hold ${name}`)
  }

  #heldOrNew({ name, uri, digest }: ModelWish): HeldModel {
    const { models, sourceOf } = this.#deps
    const known = models.named(name)
    if (known !== undefined) return known
    if (uri === undefined) return this.#held(name)
    if (models.all.length >= MODELS_PER_WORKER_MAX) {
      throw new HaifError('CONFLICT', `a worker holds at most ${MODELS_PER_WORKER_MAX} models`)
    }
    return models.add(
      sourceFor(() => sourceOf(uri, name, digest)),
      { onDemand: true }
    )!
  }
}

/** A text that is no model is the operator's mistake, and not a setting of this machine. */
function sourceFor(make: () => ModelSource): ModelSource {
  try {
    return make()
  } catch (error) {
    const { message } = toHaifError(error)
    throw new HaifError('VALIDATION_FAILED', message, { cause: error, details: { param: 'model' } })
  }
}
