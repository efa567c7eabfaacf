/** An object as a registry has resolved it, with its pipeline opened. */
import type { PipelineBundle } from '#shared/contracts/functions/bundle.ts'
import type { RunnableObject } from '#shared/contracts/functions/methods.ts'
import { openBundle } from '#shared/functions/open-bundle.ts'

export interface ResolvedObject extends Omit<RunnableObject, 'pipeline'> {
  pipeline?: PipelineBundle
}

/** Throws VALIDATION_FAILED where it is no pipeline that can run. */
export function resolvedObject({ pipeline: text, ...object }: RunnableObject): ResolvedObject {
  if (text === undefined) return object
  const pipeline = openBundle(text)
  return pipeline.kind === 'pipeline' ? { ...object, pipeline } : object
}
