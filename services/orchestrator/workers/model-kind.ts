/** What a model on a worker can do: it follows from its file, its engine and its abilities. */
import type { WorkerModel } from '#shared/contracts/peers/peers.ts'

export type ModelKind = Pick<WorkerModel, 'digest' | 'engine' | 'chatTemplate' | 'capabilities'>

/**
 * Whether one would refuse what the other refuses. A model that nobody has loaded yet is taken for
 * the same: loading it only to hear the same refusal would be a high price.
 */
export function isAlike(one: Partial<ModelKind>, other: Partial<ModelKind>): boolean {
  if (one.digest === undefined || other.digest === undefined) return one.engine === other.engine
  return kindOf(one) === kindOf(other)
}

const kindOf = ({ digest, engine, chatTemplate, capabilities }: Partial<ModelKind>): string =>
  JSON.stringify([digest, engine, chatTemplate, capabilities])
