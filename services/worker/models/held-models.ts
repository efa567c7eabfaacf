/** The models of a worker together: made from their sources, told to the log, given up. */
import { HaifError } from '#shared/errors.ts'
import type { Logger } from '#shared/process/log.ts'
import { HeldModel } from './held-model.ts'
import type { ModelSource } from './sources/model-source.ts'

export function heldModels(
  models: readonly ModelSource[],
  onDemand: readonly ModelSource[],
  onChange: (model: HeldModel) => void
): Map<string, HeldModel> {
  const all = [
    ...models.map((source) => new HeldModel({ source, onChange })),
    ...onDemand.map((source) => new HeldModel({ source, onChange, onDemand: true }))
  ]
  const held = new Map(all.map((model) => [model.name, model] as const))
  if (held.size === all.length) return held
  const { name } = all.find((model) => held.get(model.name) !== model)!
  throw new HaifError(
    'CONFIG_INVALID',
    `two models are named ${name}: give one of them another name, as in --model other=…`
  )
}

export function logModel(log: Logger, { name, state }: HeldModel): void {
  if (state.kind === 'failed') {
    log.error({ model: name, code: state.error.code }, state.error.message)
  } else log.info({ model: name, state: state.kind }, `model is ${state.kind}`)
}

/** Null while there is hope for one of them. */
export function whyHopeless(models: readonly HeldModel[]): HaifError | null {
  const [first] = models
  const failure = first?.failure ?? null
  if (failure === null || !models.every(({ failedForGood }) => failedForGood)) return null
  if (models.length === 1) return failure
  const each = models.map((model) => `${model.name}: ${model.failure?.message}`)
  return new HaifError(failure.code, `no model can be loaded; ${each.join('; ')}`)
}
