/**
 * Requests as tests write them, with their fields side by side; each goes into the part it belongs
 * to.
 */
import {
  Asked,
  Charge,
  Handling,
  type InferenceRequest,
  type PermittedRequest,
  type Sent
} from '#shared/contracts/inference/request.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import { Permits } from '../../services/gateway/permits.ts'

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

/** The request as a gateway passes it on. */
export function permitted(
  { charge, ...request }: InferenceRequest,
  by: Pick<Mesh, 'sign'>,
  context: RequestContext
): PermittedRequest {
  const { tenantId: tenant = 'local', usageId = 'u', weight = 1 } = charge
  const granted = { tenant, usageId, weight, maxTokens: request.asked.maxTokens }
  return { ...request, permit: new Permits(by).write(granted, context) }
}

function partOf(schema: { properties: object }, fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => name in schema.properties))
}
