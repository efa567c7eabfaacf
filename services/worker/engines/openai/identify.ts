/** Reads from a server which models it has, and the facts about one of them. */
import { createHash } from 'node:crypto'
import { Type, type Static } from 'typebox'
import { Compile } from '#shared/validator.ts'
import { HaifError } from '#shared/errors.ts'
import { KIND_OF_OWNER, type UpstreamKind } from './dialect.ts'
import type { UpstreamClient } from './upstream-client.ts'
import { NoApi } from './upstream-errors.ts'

const OptionalText = Type.Optional(Type.Union([Type.String(), Type.Null()]))
const Count = Type.Optional(Type.Union([Type.Number({ minimum: 0 }), Type.Null()]))

const ListedModel = Type.Object({
  id: Type.String({ minLength: 1 }),
  owned_by: OptionalText,
  /** Sent by vLLM and SGLang: the repository or folder, and the context. */
  root: OptionalText,
  max_model_len: Count,
  /** Sent by llama-server: facts from the file. */
  meta: Type.Optional(
    Type.Union([Type.Object({ n_ctx_train: Count, n_params: Count, size: Count }), Type.Null()])
  )
})
type ListedModel = Static<typeof ListedModel>
const ModelList = Compile(Type.Object({ data: Type.Array(ListedModel, { maxItems: 10_000 }) }))

/** The reply of llama-server's `/props`. */
const Props = Compile(
  Type.Object({
    default_generation_settings: Type.Optional(Type.Object({ n_ctx: Count })),
    total_slots: Count,
    model_path: OptionalText
  })
)

/** The reply of Ollama's `/api/tags`. */
const Tags = Compile(
  Type.Object({
    models: Type.Array(
      Type.Object({
        name: Type.String(),
        digest: OptionalText,
        size: Count,
        details: Type.Optional(
          Type.Object({ quantization_level: OptionalText, family: OptionalText })
        )
      }),
      { maxItems: 10_000 }
    )
  })
)

export interface UpstreamModel {
  kind: UpstreamKind
  id: string
  digest: string
  contextTokens: number
  sizeBytes: number
  parameters?: number
  quantization?: string
  /** The number of requests that the server itself runs at once. */
  slots?: number
  /** True when the model is known to make vectors and no text. */
  embeds?: boolean
}

/** The context of a server that reports none: the least of current ones, and Ollama's default. */
const CONTEXT_TOKENS_UNKNOWN = 4096

/** An address that is not quite that of the API is put right, and stays so for the client. */
export async function listModels(client: UpstreamClient): Promise<ListedModel[]> {
  let first: HaifError | null = null
  for (const base of client.bases) {
    try {
      const reply = await client.listAt(base)
      if (!ModelList.Check(reply)) throw new NoApi(`${client.name} sends no list of models`)
      client.useBase(base)
      return reply.data
    } catch (error) {
      if (!(error instanceof NoApi) && (error as HaifError).code !== 'MODEL_NOT_FOUND') throw error
      first ??= error as HaifError
    }
  }
  const why = first?.code === 'MODEL_NOT_FOUND' ? `${client.name} has no such path` : first!.message
  throw new NoApi(`${why} (${client.base}/models): give the address that ends in /v1`)
}

export async function identifyModel(client: UpstreamClient, id: string): Promise<UpstreamModel> {
  const listed = (await listModels(client)).find((model) => model.id === id)
  if (listed === undefined) {
    throw new HaifError('MODEL_NOT_FOUND', `${client.name} no longer has ${id}`)
  }
  const kind = KIND_OF_OWNER.get(listed.owned_by ?? '') ?? 'other'
  const facts = await factsOf(client, kind, listed)
  return { kind, id, digest: digestOf(kind, id, facts.revision), ...facts.known }
}

interface Facts {
  /** A text that changes when another file is served under the same name. */
  revision: string
  known: Omit<UpstreamModel, 'kind' | 'id' | 'digest'>
}

async function factsOf(
  client: UpstreamClient,
  kind: UpstreamKind,
  listed: ListedModel
): Promise<Facts> {
  switch (kind) {
    case 'llama-server':
      return llamaServerFacts(client, listed)
    case 'ollama':
      return ollamaFacts(client, listed)
    case 'vllm':
    case 'sglang':
    case 'other': {
      const contextTokens = listed.max_model_len ?? CONTEXT_TOKENS_UNKNOWN
      return { revision: listed.root ?? '', known: { contextTokens, sizeBytes: 0 } }
    }
  }
}

/** These facts are optional: a server that does not report them can still answer. */
const notReported = (): null => null

async function llamaServerFacts(client: UpstreamClient, { meta }: ListedModel): Promise<Facts> {
  const said = await client.getJson('//props').catch(notReported)
  const props = Props.Check(said) ? said : null
  const { n_params: parameters, n_ctx_train: trained, size } = meta ?? {}
  const context = props?.default_generation_settings?.n_ctx ?? trained
  return {
    revision: `${parameters ?? 0}/${size ?? 0}/${props?.model_path ?? ''}`,
    known: {
      contextTokens: context ?? CONTEXT_TOKENS_UNKNOWN,
      sizeBytes: size ?? 0,
      ...(parameters == null ? {} : { parameters }),
      ...(props?.total_slots == null ? {} : { slots: props.total_slots })
    }
  }
}

async function ollamaFacts(client: UpstreamClient, { id }: ListedModel): Promise<Facts> {
  const said = await client.getJson('//api/tags').catch(notReported)
  const tag = Tags.Check(said) ? said.models.find(({ name }) => name === id) : undefined
  const quantization = tag?.details?.quantization_level
  return {
    revision: tag?.digest ?? '',
    known: {
      contextTokens: CONTEXT_TOKENS_UNKNOWN,
      sizeBytes: tag?.size ?? 0,
      ...(quantization == null ? {} : { quantization }),
      ...(tag?.details?.family?.includes('bert') === true ? { embeds: true } : {})
    }
  }
}

/**
 * Two workers on equal servers have the same model. There is no file to hash, and the digest must
 * not look like the hash of one, so it is not hex from end to end.
 */
function digestOf(kind: UpstreamKind, id: string, revision: string): string {
  const hex = createHash('sha256')
    .update(JSON.stringify([kind, id, revision]))
    .digest('hex')
  return `upstream:${hex}`.slice(0, DIGEST_CHARACTERS)
}

const DIGEST_CHARACTERS = 64
