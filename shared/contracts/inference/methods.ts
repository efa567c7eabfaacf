/** One inference, as it travels from the bridge to the worker: the same items on every hop. */
import { defineStream } from '#shared/rpc/contract.ts'
import { InferenceEnd, InferenceItem } from './answer.ts'
import { itemCodec } from './item-codec.ts'
import { AttemptRequest, InferenceRequest, PermittedRequest } from './request.ts'
import { FROM_CALLERS, FROM_GATEWAYS, FROM_ORCHESTRATORS } from '../peers/parties.ts'

export const gatewayInfer = defineStream(
  'gateway.infer',
  FROM_CALLERS,
  InferenceRequest,
  InferenceItem,
  InferenceEnd,
  itemCodec
)
export const orchestratorInfer = defineStream(
  'orchestrator.infer',
  FROM_GATEWAYS,
  PermittedRequest,
  InferenceItem,
  InferenceEnd,
  itemCodec
)
export const workerInfer = defineStream(
  'worker.infer',
  FROM_ORCHESTRATORS,
  AttemptRequest,
  InferenceItem,
  InferenceEnd,
  itemCodec
)
