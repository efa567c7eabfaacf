/** One inference, as it travels from the bridge to the engine: the same stream on every hop. */
import { defineStream } from '#shared/rpc/contract.ts'
import { InferenceEnd, InferenceItem, itemCodec } from './answer.ts'
import { InferenceRequest } from './request.ts'

export const gatewayInfer = defineStream(
  'gateway.infer',
  InferenceRequest,
  InferenceItem,
  InferenceEnd,
  itemCodec
)
export const orchestratorInfer = defineStream(
  'orchestrator.infer',
  InferenceRequest,
  InferenceItem,
  InferenceEnd,
  itemCodec
)
export const workerInfer = defineStream(
  'worker.infer',
  InferenceRequest,
  InferenceItem,
  InferenceEnd,
  itemCodec
)
