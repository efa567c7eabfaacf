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
  readonly #all: HeldModel[] // as many as the owner named, or a server has
  readonly #onChange: HeldModelsDeps['onChange']

  constructor({ pinned, onDemand, onChange }: HeldModelsDeps) {
    this.#onChange = onChange
    this.#all = [
      ...pinned.map((source) => new HeldModel({ source, onChange })),
      ...onDemand.map((source) => new HeldModel({ source, onChange, onDemand: true }))
    ]
    const twin = this.#all.find((model) => this.named(model.name) !== model)
    if (twin !== undefined) throw nameTaken(twin.name)
  }

  /** The same list always: models that come and go are seen in it. */
  get all(): readonly HeldModel[] {
    return this.#all
  }

  named(name: string): HeldModel | undefined {
    return this.#all.find((model) => model.name === name)
  }

  /** A model that a server has now, or that a task has brought; null where the name is taken. */
  add(source: ModelSource, { onDemand = false }: { onDemand?: boolean } = {}): HeldModel | null {
    if (this.named(source.name) !== undefined) return null
    const model = new HeldModel({ source, onChange: this.#onChange, onDemand })
    this.#all.push(model)
    return model
  }

  remove(model: HeldModel): void {
    const at = this.#all.indexOf(model)
    if (at !== -1) this.#all.splice(at, 1)
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
