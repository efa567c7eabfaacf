/**
 * Requests as tests write them, with their fields side by side; each goes into the part it belongs
 * to.
 */
import {
  Asked,
  Charge,
  Handling,
  type InferenceRequest,
  type Sent
} from '#shared/contracts/inference/request.ts'

export interface FlatRequest extends Partial<Asked>, Handling, Charge {
  /** In place of an input. */
  prompt?: string
  sent?: Sent
}

export function requestOf({
  prompt = 'hello',
  sent,
  ...fields
}: FlatRequest = {}): InferenceRequest {
  const defaults = { input: { mode: 'direct', prompt }, maxTokens: 16, sampling: {} } as const
  const request: InferenceRequest = {
    asked: { ...defaults, ...partOf(Asked, fields) },
    handling: partOf(Handling, fields),
    charge: partOf(Charge, fields)
  }
  return sent === undefined ? request : { ...request, sent }
}

function partOf(schema: { properties: object }, fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => name in schema.properties))
}
