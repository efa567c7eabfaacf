/**
 * Runs `llm_inference` and `embedding` as requests of the tenant through a gateway: placement,
 * failover, limits and the books are those of every request.
 */
import { Type, type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { embedOnBehalf, inferOnBehalf, type Behalf } from '#shared/contracts/jobs/on-behalf.ts'
import type { JobUsage } from '#shared/contracts/jobs/views.ts'
import {
  MAX_TOKENS_MAX,
  type InferenceEnd,
  type InferenceItem,
  type Usage
} from '#shared/contracts/inference/answer.ts'
import { toHaifError } from '#shared/errors.ts'
import { parseJson } from '#shared/kit/parse-json.ts'
import type { ItemBatch } from '#shared/rpc/items.ts'
import { ChatMessage, MESSAGES_MAX, TEXT_CHARACTERS_MAX } from '#shared/contracts/inference/chat.ts'
import { EmbedAsked } from '#shared/contracts/inference/embedding.ts'
import { ModelName } from '#shared/contracts/inference/model-name.ts'
import { Asked, ResponseFormat, Sampling } from '#shared/contracts/inference/request.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import { check } from '#shared/rpc/check.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import type { Store } from '#shared/store/store.ts'
import { textOf } from '../graph/resolve.ts'
import { lackOfType, type Needs } from '../schedule/needs.ts'
import { findJob } from '../store/jobs/find-job.ts'
import type { TaskRow } from '../store/rows.ts'
import type { Runner, Running } from './runner.ts'

const DEFAULT_TOKENS = 1024
const FALLBACKS_MAX = 8
const MESH_TYPES: ReadonlySet<string> = new Set(['llm_inference', 'embedding'])

/** Names as callers write them in a graph. */
const InferenceInput = Compile(
  Type.Object({
    /** Several are joined by empty lines. */
    prompt: Type.Optional(
      Type.Union([
        Type.String({ minLength: 1, maxLength: TEXT_CHARACTERS_MAX }),
        Type.Array(Type.Unknown(), { minItems: 1, maxItems: MESSAGES_MAX })
      ])
    ),
    system: Type.Optional(Type.String({ maxLength: TEXT_CHARACTERS_MAX })),
    messages: Type.Optional(Type.Array(ChatMessage, { minItems: 1, maxItems: MESSAGES_MAX })),
    model: Type.Optional(ModelName),
    /** Taken in their order where nobody holds the model before. */
    fallback: Type.Optional(Type.Array(ModelName, { maxItems: FALLBACKS_MAX })),
    max_tokens: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_TOKENS_MAX })),
    temperature: Sampling.properties.temperature,
    top_p: Sampling.properties.topP,
    top_k: Sampling.properties.topK,
    seed: Sampling.properties.seed,
    stop: Asked.properties.stop,
    response_format: Type.Optional(ResponseFormat)
  })
)
const EmbeddingInput = Compile(
  Type.Object({
    input: Type.Union([EmbedAsked.properties.inputs.items, EmbedAsked.properties.inputs]),
    model: Type.Optional(ModelName)
  })
)

interface MeshRunnerDeps {
  gateways: Pick<PeerPool, 'batches' | 'call' | 'size'>
  /** Requests at a time. */
  places: number
  store: Store
  forbids: (needs: Needs, tenant: string) => string | null
}

export class MeshRunner implements Runner {
  readonly key = 'mesh'
  readonly #deps: MeshRunnerDeps

  constructor(deps: MeshRunnerDeps) {
    this.#deps = deps
  }

  get places(): number {
    return this.#deps.gateways.size === 0 ? 0 : this.#deps.places
  }

  /** Constraints go with the request: who places it keeps to them. */
  lacks(needs: Needs, tenant: string): string | null {
    if (!MESH_TYPES.has(needs.type)) return lackOfType(needs)
    return this.#deps.forbids(needs, tenant)
  }

  async *run(task: TaskRow, input: unknown, context: RequestContext): Running {
    yield {}
    const needs = JSON.parse(task.needs) as Needs
    const behalf = await behalfOf(this.#deps.store, task)
    return task.type === 'embedding'
      ? yield* this.#embed(behalf, input, needs, context)
      : yield* this.#infer(behalf, { task, input, needs }, context)
  }

  async *#infer(
    behalf: Behalf,
    { task, input: given, needs }: { task: TaskRow; input: unknown; needs: Needs },
    context: RequestContext
  ): Running {
    const { fallback = [], ...input } = check(InferenceInput, given, 'input of llm_inference')
    const priority = task.priority === 'batch' ? 'batch' : 'interactive'
    const asked = askedOf(input, needs)
    const models = [asked.model, ...fallback]
    for (const [at, model] of models.entries()) {
      try {
        const request = {
          behalf,
          asked: { ...asked, ...named(model) },
          handling: { priority } as const
        }
        return yield* answerOf(this.#deps.gateways.batches(inferOnBehalf, request, context))
      } catch (error) {
        // Nobody has answered anything yet: a model that is not there has none.
        if (toHaifError(error).code !== 'MODEL_NOT_FOUND' || at === models.length - 1) throw error
      }
    }
    return null
  }

  async *#embed(behalf: Behalf, given: unknown, needs: Needs, context: RequestContext): Running {
    const { input, model = needs.model } = check(EmbeddingInput, given, 'input of embedding')
    const inputs = (
      Array.isArray(input) && typeof input[0] !== 'number' ? input : [input]
    ) as Static<typeof EmbedAsked>['inputs']
    const asked = { inputs, ...placed(needs, model) }
    yield* []
    const reply = await this.#deps.gateways.call(embedOnBehalf, { behalf, asked }, context)
    const { promptTokens } = reply
    const usage = { promptTokens, completionTokens: 0, totalTokens: promptTokens }
    const { model: answered, vectors, worker } = reply
    const texts = inputs.filter((each) => typeof each === 'string')
    const output = { vectors, texts, count: vectors.length, model: answered, worker, usage }
    return { output, usage, model: answered }
  }
}

/** In whose name a task asks. `part`: of a task that asks several times. */
export async function behalfOf(store: Store, task: TaskRow, part = ''): Promise<Behalf> {
  const job = await findJob(store, task.job_id, task.tenant_id)
  const { tenant_id: tenant } = task
  const tokenId = job?.token_id ?? null
  // One for all attempts of the task: an answer is in the books once, whoever asks again.
  const usageId = `${task.job_id.slice(4)}.${task.number}${part}`.slice(0, 64)
  return { tenant, usageId, ...(tokenId === null ? {} : { tokenId }) }
}

async function* answerOf(
  stream: AsyncGenerator<ItemBatch<InferenceItem>, InferenceEnd, void>
): Running {
  let text = ''
  for (;;) {
    const { done, value } = await stream.next()
    if (done === true) {
      const { finishReason: finish_reason, model, workers = [] } = value
      const usage = usageOf(value.usage)
      const output = { text, ...jsonIn(text), finish_reason, model, worker: workers.at(-1), usage }
      return { output, usage, model }
    }
    const part = value
      .items()
      .map((item) => item.text)
      .join('')
    text += part
    if (part !== '') yield { text: part }
  }
}

function usageOf({ promptTokens, completionTokens }: Usage): JobUsage {
  return { promptTokens, completionTokens, totalTokens: promptTokens + completionTokens }
}

/** Of an answer that is JSON, its value. */
function jsonIn(text: string): { json?: unknown } {
  try {
    return { json: parseJson(text) }
  } catch {
    return {}
  }
}

const named = (model: string | undefined) => (model === undefined ? {} : { model })

function placed({ labels }: Needs, model: string | undefined) {
  return { ...named(model), ...(labels === undefined ? {} : { labels }) }
}

function askedOf(input: Static<ReturnType<typeof InferenceInput.Type>>, needs: Needs): Asked {
  const { prompt, system, max_tokens: maxTokens = DEFAULT_TOKENS, stop, response_format } = input
  const { temperature, top_p: topP, top_k: topK, seed, model = needs.model } = input
  const sampling = Object.fromEntries(
    Object.entries({ temperature, topP, topK, seed }).filter(([, value]) => value !== undefined)
  )
  const messages = input.messages ?? [{ role: 'user' as const, content: textOf(prompt) }]
  const first = system === undefined ? [] : [{ role: 'system' as const, content: system }]
  return {
    input: { mode: 'chat', messages: [...first, ...messages] },
    maxTokens,
    sampling,
    ...placed(needs, model),
    ...(stop === undefined ? {} : { stop }),
    ...(response_format === undefined ? {} : { responseFormat: response_format })
  }
}
