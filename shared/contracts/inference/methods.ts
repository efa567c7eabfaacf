/** One inference, as it travels from the bridge to the worker: the same items on every hop. */
import { defineStream } from '#shared/rpc/contract.ts'
import { InferenceEnd, InferenceItem } from './answer.ts'
import { itemCodec } from './item-codec.ts'
import { AttemptRequest, InferenceRequest } from './request.ts'

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
  AttemptRequest,
  InferenceItem,
  InferenceEnd,
  itemCodec
)
