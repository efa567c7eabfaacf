/** Turns a body of `POST /v1/embeddings` into calls in the mesh. */
import { VECTOR_SIZE_MAX, type EmbedAsked } from '#shared/contracts/inference/embedding.ts'
import { VECTOR_BYTES_MAX } from '#shared/contracts/inference/vectors.ts'
import { EmbeddingsBody } from '#shared/contracts/http/embeddings.ts'
import { bodyChecker, refuseFields, type Refusals } from '../../http/tolerant-body.ts'

export const EMBEDDINGS_REFUSALS: Refusals = {
  dimensions: { why: 'the engines make vectors of one size only, that of the model' }
}

export const checkEmbeddingsBody = bodyChecker(EmbeddingsBody, (fields) =>
  refuseFields(fields, EMBEDDINGS_REFUSALS)
)

/** The number of vectors that fit into one reply of the mesh at their largest. */
const INPUTS_PER_CALL = Math.floor(VECTOR_BYTES_MAX / (VECTOR_SIZE_MAX * 4))

/** Groups the inputs, in order, so that one call can answer each group. */
export function askedGroups({ model, input }: EmbeddingsBody): EmbedAsked[] {
  const inputs = inputsOf(input)
  const groups: EmbedAsked[] = []
  for (let from = 0; from < inputs.length; from += INPUTS_PER_CALL) {
    const asked: EmbedAsked = { inputs: inputs.slice(from, from + INPUTS_PER_CALL) }
    if (model !== undefined) asked.model = model
    groups.push(asked)
  }
  return groups
}

function inputsOf(input: EmbeddingsBody['input']): EmbedAsked['inputs'] {
  if (typeof input === 'string') return [input]
  return typeof input[0] === 'number' ? [input as number[]] : (input as (string | number[])[])
}
