/**
 * Runs `llm_inference` and `embedding` as requests of the tenant through a gateway: placement,
 * failover, limits and the books are those of every request.
 */
import { Type, type Static } from 'typebox'
import { Compile } from '#shared/validator.ts'
import type { TaskType } from '#shared/contracts/jobs/graph.ts'
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
import { textOf } from '../graph/resolve.ts'
import { lackOf, lackOfType, type Needs, type PlaceFacts } from '../schedule/needs.ts'
import { behalfOf } from './behalf.ts'
import type { Forbids } from './worker-runner.ts'
import type { ClaimedTask } from '../store/rows.ts'
import type { Runner, Running } from './runner.ts'

const DEFAULT_TOKENS = 1024
const FALLBACKS_MAX = 8
const WORKERS_MAX = 256
const MESH_TYPE_LIST: TaskType[] = ['llm_inference', 'embedding']
const MESH_TYPES: ReadonlySet<string> = new Set(MESH_TYPE_LIST)

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

interface Placed {
  needs: Needs
  /** The workers that may answer, where not all may. */
  only: Pick<Asked, 'workers'>
}

interface MeshRunnerDeps {
  gateways: Pick<PeerPool, 'batches' | 'call' | 'size'>
  /** Requests at a time. */
  places: number
  forbids: Forbids
  /** Those that are connected and have said what they are. */
  workers: () => readonly PlaceFacts[]
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
    const forbidden = this.#deps.forbids(needs, tenant, null)
    if (forbidden !== null) return forbidden
    const { allowed, lack } = this.#allowed(needs, tenant)
    return allowed?.length === 0 ? lack : null
  }

  /**
   * Keys of the workers that may answer; null: all of them, also those that take no tasks and so
   * have said nothing of themselves.
   */
  #allowed(needs: Needs, tenant: string): { allowed: string[] | null; lack: string } {
    const { forbids, workers } = this.#deps
    const { gpu = false, region, workers: named = [] } = needs
    // Labels and the model are left to whoever places the request.
    const asked: Needs = { type: needs.type, gpu, ...(region === undefined ? {} : { region }) }
    const isBound = gpu || region !== undefined || named.length > 0
    const all = workers()
    const lacks = all.map(
      (worker) =>
        lackOf({ ...asked, workers: named }, { ...worker, types: MESH_TYPE_LIST }) ??
        forbids(needs, tenant, worker)
    )
    const allowed = all.filter((_, at) => lacks[at] === null).map(({ key }) => key)
    if (!isBound && allowed.length === all.length) return { allowed: null, lack: '' }
    const lack = lacks.find((each) => each !== null) ?? 'a worker that takes tasks'
    return { allowed: allowed.slice(0, WORKERS_MAX), lack }
  }

  async *run(task: ClaimedTask, input: unknown, context: RequestContext): Running {
    const needs = JSON.parse(task.needs) as Needs
    const behalf = behalfOf(task)
    const { allowed } = this.#allowed(needs, task.tenant_id)
    const only = allowed === null ? {} : { workers: allowed }
    return task.type === 'embedding'
      ? yield* this.#embed(behalf, input, { needs, only }, context)
      : yield* this.#infer(behalf, { task, input, needs, only }, context)
  }

  async *#infer(
    behalf: Behalf,
    { task, input: given, needs, only }: { task: ClaimedTask; input: unknown } & Placed,
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
          asked: { ...asked, ...named(model), ...only },
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

  async *#embed(
    behalf: Behalf,
    given: unknown,
    { needs, only }: Placed,
    context: RequestContext
  ): Running {
    const { input, model = needs.model } = check(EmbeddingInput, given, 'input of embedding')
    const inputs = (
      Array.isArray(input) && typeof input[0] !== 'number' ? input : [input]
    ) as Static<typeof EmbedAsked>['inputs']
    const asked = { inputs, ...placed(needs, model), ...only }
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

async function* answerOf(
  stream: AsyncGenerator<ItemBatch<InferenceItem>, InferenceEnd, void>
): Running {
  let text = ''
  for (let isFirst = true; ; isFirst = false) {
    const { done, value } = await stream.next()
    if (isFirst) yield {} // not before: what no worker takes has not begun
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
