/**
 * One answer at the server: its request, its pieces and its end. An answer that others have begun
 * may fill the context, or be complete, before the server has written anything.
 */
import type { Usage } from '#shared/contracts/inference/answer.ts'
import { inputTexts } from '#shared/contracts/inference/request.ts'
import { HaifError } from '#shared/errors.ts'
import { SseParser } from '#shared/kit/sse-parser.ts'
import type { AbortableRun } from '../abortable-runs.ts'
import type { GenerateEnd, GenerateItem, GenerateRequest } from '../engine.ts'
import { AnswerReader } from './answer-reader.ts'
import type { UpstreamModel } from './identify.ts'
import { requestBody, type UpstreamRequest } from './request-body.ts'
import { ResumedText } from './resumed-text.ts'
import { scoredAnswer } from './scored-answer.ts'
import type { UpstreamClient } from './upstream-client.ts'

/** Only the usage follows the end of an answer, and the caller need not wait long for it. */
const USAGE_WAIT_MS = 2_000
const CHARACTERS_PER_TOKEN = 4
const USAGE_IS_LATE = new Error('the answer is complete, but its usage does not come')

interface UpstreamAnswerDeps {
  client: UpstreamClient
  model: UpstreamModel
  /** The server has ended an answer with a reason before. */
  givesReasons: boolean
  /** Its abort ends the answer; a complete answer aborts it itself. */
  run: Pick<AbortableRun, 'signal' | 'abort'>
}

export class UpstreamAnswer {
  /** The tokens that others have written. */
  readonly resumedTokens: number
  readonly #client: UpstreamClient
  readonly #run: Pick<AbortableRun, 'signal' | 'abort'>
  readonly #request: GenerateRequest
  readonly #upstream: UpstreamRequest
  readonly #reader: AnswerReader
  #isFull: boolean
  #scored: Pick<GenerateEnd, 'finishReason' | 'usage'> | null = null

  constructor(request: GenerateRequest, { client, model, run, givesReasons }: UpstreamAnswerDeps) {
    const { resumeText = '', resumeTokens = 0 } = request
    const resumed = new ResumedText(resumeText)
    const maxTokens = Math.max(0, request.maxTokens - resumeTokens)
    this.resumedTokens = resumeTokens
    this.#client = client
    this.#run = run
    this.#request = request
    this.#upstream = requestBody(request, {
      kind: model.kind,
      id: model.id,
      maxTokens: maxTokens === 0 ? 0 : maxTokens + resumed.repeatedCharacters,
      prefix: resumed.prefix
    })
    this.#reader = new AnswerReader({
      name: client.name,
      resumed,
      resumedTokens: resumeTokens,
      maxTokens,
      askedTokens: this.#upstream.body.max_tokens,
      doneIsEnd: model.kind === 'other' && !givesReasons,
      promptTokensGuess: guessPromptTokens(request)
    })
    this.#isFull = this.#upstream.body.max_tokens === 0 && request.promptLogprobs !== true
  }

  async *items(): AsyncGenerator<GenerateItem, void> {
    if (this.#isFull) return
    if (this.#request.promptLogprobs === true) return yield* this.#scoredItems()
    const reader = this.#reader
    const parser = eventParser()
    let timer: NodeJS.Timeout | undefined
    try {
      for await (const bytes of this.#stream()) {
        for (const event of parser.push(bytes)) {
          const item = reader.push(event)
          if (item !== null) yield item
          if (reader.isDone) return
        }
        if (reader.isComplete) {
          timer ??= setTimeout(() => this.#run.abort(USAGE_IS_LATE), USAGE_WAIT_MS)
        }
      }
    } catch (error) {
      const { aborted, reason } = this.#run.signal
      const isOver = reader.isComplete && (!aborted || reason === USAGE_IS_LATE)
      if (isOver) return // the answer is complete, and only its usage is missing
      if (!this.#isContextFull(error)) throw error
      this.#isFull = true
    } finally {
      clearTimeout(timer)
    }
  }

  async *#scoredItems(): AsyncGenerator<GenerateItem, void> {
    const deps = { client: this.#client, signal: this.#run.signal }
    const { items, ...end } = await scoredAnswer(this.#request, this.#upstream.body, deps)
    this.#scored = end
    yield* items
  }

  get hasReason(): boolean {
    return this.#reader.hasReason
  }

  /** Valid after the last item. */
  result(): Pick<GenerateEnd, 'finishReason' | 'usage'> {
    if (this.#scored !== null) return this.#scored
    if (!this.#isFull) return this.#reader.result()
    const usage: Usage = {
      promptTokens: guessPromptTokens(this.#request),
      cachedPromptTokens: 0,
      completionTokens: this.resumedTokens,
      estimated: true
    }
    return { finishReason: 'length', usage }
  }

  /** vLLM refuses a request that might outgrow its context; it gets one that cannot. */
  async *#stream(): AsyncGenerator<Buffer, void> {
    const { path, body } = this.#upstream
    const options = { signal: this.#run.signal, hasBegun: () => this.#reader.hasBegun }
    try {
      yield* this.#client.post(path, body, options)
    } catch (error) {
      const room = roomIn(error)
      if (room === null || room >= body.max_tokens) throw error
      yield* this.#client.post(path, { ...body, max_tokens: room }, options)
    }
  }

  /** The prompt fitted when the answer began, so the answer has filled the context. */
  #isContextFull(error: unknown): boolean {
    return this.resumedTokens > 0 && error instanceof HaifError && error.code === 'CONTEXT_TOO_LONG'
  }
}

/** One event carries one piece of an answer; the wire of the mesh takes no longer ones. */
const EVENT_CHARACTERS_MAX = 65_536

const eventParser = (): SseParser =>
  new SseParser({
    charactersMax: EVENT_CHARACTERS_MAX,
    tooLong: () => new HaifError('ENGINE_FAILED', 'the server sent an event without an end'),
    dataFields: ['error'] // llama-server of 2024 wrote its errors into a field of that name
  })

function guessPromptTokens({ input }: GenerateRequest): number {
  if (input.mode === 'tokens') return input.tokenIds.length
  const characters = inputTexts(input).reduce((sum, text) => sum + text.length, 0)
  return Math.max(1, Math.ceil(characters / CHARACTERS_PER_TOKEN))
}

/** The tokens that the context has left after the prompt, where the refusal names both numbers. */
function roomIn(error: unknown): number | null {
  if (!(error instanceof HaifError) || error.code !== 'CONTEXT_TOO_LONG') return null
  const { promptTokens, contextTokens } = error.details ?? {}
  if (typeof promptTokens !== 'number' || typeof contextTokens !== 'number') return null
  return contextTokens > promptTokens ? contextTokens - promptTokens : null
}
