/** One request through the gateways of a mesh in this process, timed. */
import type { InferenceEnd } from '#shared/contracts/inference/answer.ts'
import { createContext } from '#shared/rpc/context.ts'
import type { FlatRequest } from '../helpers/requests.ts'
import type { TestMesh } from '../helpers/mesh/mesh.ts'

const TIMEOUT_MS = 120_000

export async function timedInfer(
  mesh: TestMesh,
  request: FlatRequest
): Promise<{ end: InferenceEnd; firstTokenMs: number; totalMs: number }> {
  using context = createContext({ timeoutMs: TIMEOUT_MS })
  const startedAt = performance.now()
  let firstTokenMs = NaN
  const { end } = await mesh.inferIn(context, request, () => {
    if (Number.isNaN(firstTokenMs)) firstTokenMs = performance.now() - startedAt
  })
  return { end, firstTokenMs, totalMs: performance.now() - startedAt }
}
