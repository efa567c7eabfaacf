/** All models of a worker together: made from their sources, found by name, reported, given up. */
import type { WorkerModel } from '#shared/contracts/peers/peers.ts'
import { HaifError } from '#shared/errors.ts'
import { HeldModel } from './held-model.ts'
import type { ModelSource } from './sources/model-source.ts'

interface HeldModelsDeps {
  /** Loaded at the start; they stay. */
  pinned: readonly ModelSource[]
  /** Loaded when a request comes, unloaded to make room for others. */
  onDemand: readonly ModelSource[]
  /** Called after each change of a model's state. */
  onChange: (model: HeldModel) => void
}

export class HeldModels {
  readonly #byName: ReadonlyMap<string, HeldModel>

  constructor({ pinned, onDemand, onChange }: HeldModelsDeps) {
    const all = [
      ...pinned.map((source) => new HeldModel({ source, onChange })),
      ...onDemand.map((source) => new HeldModel({ source, onChange, onDemand: true }))
    ]
    this.#byName = new Map(all.map((model) => [model.name, model] as const))
    const twin = all.find((model) => this.named(model.name) !== model)
    if (twin !== undefined) throw nameTaken(twin.name)
  }

  get all(): HeldModel[] {
    return [...this.#byName.values()]
  }

  named(name: string): HeldModel | undefined {
    return this.#byName.get(name)
  }

  /** All models as they are reported to a peer, or to nobody in particular. */
  describe(peerKey?: string): WorkerModel[] {
    return this.all.map((model) => model.describe(peerKey))
  }

  /** Why no model can ever be loaded here; null while there is hope for one of them. */
  hopeless(): HaifError | null {
    const [first, ...others] = this.all
    const failure = first?.failure ?? null
    if (failure === null || !this.all.every(({ failedForGood }) => failedForGood)) return null
    if (others.length === 0) return failure
    const each = this.all.map((model) => `${model.name}: ${model.failure?.message}`)
    return new HaifError(failure.code, `no model can be loaded; ${each.join('; ')}`)
  }
}

function nameTaken(name: string): HaifError {
  return new HaifError(
    'CONFIG_INVALID',
    `two models are named ${name}: give one of them another name, as in --model other=…`
  )
}
