/** One request to the mesh, its answer shown while it comes. */
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import type { InferenceEnd } from '#shared/contracts/inference/answer.ts'
import type { InferenceRequest } from '#shared/contracts/inference/request.ts'
import { gatewayInfer } from '#shared/contracts/inference/methods.ts'
import { inferThrough } from '#shared/inference/failover/infer-through.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import type { RequestContext } from '#shared/rpc/context.ts'

export interface Answer {
  text: string
  end: InferenceEnd
  /** Timings that the client measured; the worker's own timings are in `end`. */
  firstTokenMs: number
  totalMs: number
}

/** `show` is awaited, so that a slow reader slows down the worker. */
export async function streamAnswer(
  gateways: PeerPool,
  request: InferenceRequest,
  context: RequestContext,
  show: (text: string) => Promise<void> | void
): Promise<Answer> {
  const startedAt = performance.now()
  let firstTokenMs: number | null = null
  let text = ''
  const stream = inferThrough(gateways, gatewayInfer, request, context)
  for (;;) {
    const { done, value } = await stream.next()
    const elapsedMs = performance.now() - startedAt
    if (done === true) {
      return { text, end: value, firstTokenMs: firstTokenMs ?? elapsedMs, totalMs: elapsedMs }
    }
    firstTokenMs ??= elapsedMs
    text += value.text
    await show(value.text)
  }
}

/** Waits while the reader is behind. */
export async function write(stream: Writable, text: string, signal: AbortSignal): Promise<void> {
  if (text !== '' && !stream.write(text)) await once(stream, 'drain', { signal })
}
