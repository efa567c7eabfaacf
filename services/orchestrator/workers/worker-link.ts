/** The connection to a worker, as far as an orchestrator uses it. `PeerLink` is one. */
import type { Static, TSchema } from 'typebox'
import type { InferenceEnd, InferenceItem } from '#shared/contracts/inference/answer.ts'
import type { workerInfer } from '#shared/contracts/inference/methods.ts'
import type { AttemptRequest } from '#shared/contracts/inference/request.ts'
import type { LinkState } from '#shared/contracts/peers/links.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import type { MethodContract } from '#shared/rpc/contract.ts'
import type { ItemBatch } from '#shared/rpc/items.ts'

export interface WorkerLink {
  readonly peer: { readonly key: string }
  readonly rttMs: number
  readonly path: LinkState['path']
  readonly lossPercent: number
  batches(
    contract: typeof workerInfer,
    request: AttemptRequest,
    context: RequestContext
  ): AsyncGenerator<ItemBatch<InferenceItem>, InferenceEnd, void>
  call<Request extends TSchema, Reply extends TSchema>(
    contract: MethodContract<Request, Reply>,
    request: Static<Request>,
    context: RequestContext
  ): Promise<Static<Reply>>
}
