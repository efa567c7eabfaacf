/** Turns a body of `POST /v1/embeddings` into what is asked of the mesh. */
import type { EmbedAsked } from '#shared/contracts/inference/embedding.ts'
import { EmbeddingsBody } from '#shared/contracts/http/embeddings.ts'
import { bodyChecker, refuseFields, type Refusals } from '../../http/tolerant-body.ts'

export const EMBEDDINGS_REFUSALS: Refusals = {
  dimensions: { why: 'the engines make vectors of one size only, that of the model' }
}

export const checkEmbeddingsBody = bodyChecker(EmbeddingsBody, (fields) =>
  refuseFields(fields, EMBEDDINGS_REFUSALS)
)

export function readEmbeddings({ model, input }: EmbeddingsBody): EmbedAsked {
  const inputs = inputsOf(input)
  return model === undefined ? { inputs } : { inputs, model }
}

function inputsOf(input: EmbeddingsBody['input']): EmbedAsked['inputs'] {
  if (typeof input === 'string') return [input]
  return typeof input[0] === 'number' ? [input as number[]] : (input as (string | number[])[])
}
