/** Asks a server's `/embeddings` for vectors. */
import { Type } from 'typebox'
import { Compile } from '#shared/validator.ts'
import { HaifError } from '#shared/errors.ts'
import { check } from '#shared/rpc/check.ts'
import type { EmbedInput, Embeddings } from '../engine.ts'
import type { UpstreamClient } from './upstream-client.ts'

const Reply = Compile(
  Type.Object({
    data: Type.Array(
      Type.Object({
        index: Type.Integer({ minimum: 0 }),
        embedding: Type.Array(Type.Number(), { minItems: 1, maxItems: 65_536 })
      })
    ),
    usage: Type.Optional(Type.Object({ prompt_tokens: Type.Integer({ minimum: 0 }) }))
  })
)

/** The inputs of one request: 64 vectors of 8,192 numbers are 12 MB of JSON. */
const INPUTS_MAX = 64

export async function embedUpstream(
  client: UpstreamClient,
  id: string,
  inputs: readonly EmbedInput[],
  signal: AbortSignal
): Promise<Embeddings> {
  const all: Embeddings = { vectors: [], promptTokens: 0 }
  for (let at = 0; at < inputs.length; at += INPUTS_MAX) {
    const some = inputs.slice(at, at + INPUTS_MAX)
    for (const { vectors, promptTokens } of await askFor(client, id, some, signal)) {
      all.vectors.push(...vectors)
      all.promptTokens += promptTokens
    }
  }
  return all
}

/** The protocol has lists of texts and lists of tokens, but no mixed lists. */
async function askFor(
  client: UpstreamClient,
  id: string,
  inputs: readonly EmbedInput[],
  signal: AbortSignal
): Promise<Embeddings[]> {
  const isMixed = inputs.some((input) => typeof input !== typeof inputs[0])
  if (!isMixed) return [await askOnce(client, id, inputs, signal)]
  const replies: Embeddings[] = []
  for (const input of inputs) replies.push(await askOnce(client, id, [input], signal))
  return replies
}

async function askOnce(
  client: UpstreamClient,
  id: string,
  inputs: readonly EmbedInput[],
  signal: AbortSignal
): Promise<Embeddings> {
  const body = { model: id, input: inputs, encoding_format: 'float' }
  const what = `${client.name}: its embeddings`
  const reply = check(
    Reply,
    await client.postJson('/embeddings', body, signal),
    what,
    'ENGINE_FAILED'
  )
  const inOrder = reply.data.toSorted((a, b) => a.index - b.index)
  if (inOrder.length !== inputs.length || inOrder.some(({ index }, i) => index !== i)) {
    throw new HaifError('ENGINE_FAILED', `${what}: there are not as many vectors as inputs`)
  }
  return {
    vectors: inOrder.map(({ embedding }) => normalised(embedding)),
    promptTokens: reply.usage?.prompt_tokens ?? 0
  }
}

function normalised(numbers: readonly number[]): Float32Array {
  const length = Math.hypot(...numbers)
  return Float32Array.from(numbers, (number) => (length === 0 ? 0 : number / length))
}
