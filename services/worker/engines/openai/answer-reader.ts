/**
 * One answer as the server streams it: pieces of text, at the end the reason and the usage. Only the
 * reason makes it an answer; a stream that ends without one has broken off, `[DONE]` or not.
 */
import { Type, type Static, type TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import type { FinishReason, ToolCallDelta, Usage } from '#shared/contracts/inference/answer.ts'
import { HaifError } from '#shared/errors.ts'
import type { SseEvent } from '#shared/kit/sse-parser.ts'
import { check } from '#shared/rpc/check.ts'
import type { GenerateItem } from '../engine.ts'
import { CallParts } from './call-parts.ts'
import type { ResumedText } from './resumed-text.ts'
import { errorInStream } from './upstream-errors.ts'

const Text = Type.Optional(Type.Union([Type.String(), Type.Null()]))
const Count = Type.Optional(Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]))
const orNull = <Schema extends TSchema>(schema: Schema) =>
  Type.Optional(Type.Union([schema, Type.Null()]))

const ChunkUsage = Type.Object({
  prompt_tokens: Count,
  completion_tokens: Count,
  prompt_tokens_details: orNull(Type.Object({ cached_tokens: Count }))
})
const Timings = Type.Object({ prompt_n: Count, cache_n: Count, predicted_n: Count })
type ChunkUsage = Static<typeof ChunkUsage>

const CallPart = Type.Object({
  index: Count,
  id: Text,
  function: orNull(Type.Object({ name: Text, arguments: Text }))
})

const Chunk = Compile(
  Type.Object({
    id: Text,
    choices: Type.Optional(
      Type.Array(
        Type.Object({
          text: Text,
          /** What it thinks has one name in llama-server and SGLang, the other in vLLM and Ollama. */
          delta: orNull(
            Type.Object({
              content: Text,
              reasoning_content: Text,
              reasoning: Text,
              tool_calls: orNull(Type.Array(CallPart, { maxItems: 128 }))
            })
          ),
          finish_reason: Text
        }),
        { maxItems: 1 } // more than one answer was not asked for
      )
    ),
    usage: orNull(ChunkUsage),
    /** llama-server. */
    timings: orNull(Timings),
    error: Type.Optional(Type.Unknown())
  })
)

export interface AnswerFacts {
  /** How messages name the server. */
  name: string
  resumed: ResumedText
  /** Tokens of the answer that were there before, and those that may follow. */
  resumedTokens: number
  maxTokens: number
  /** What the server was asked for: more, where it has white space to repeat. */
  askedTokens: number
  /** What the prompt may have, for a server that does not say. */
  promptTokensGuess: number
}

interface Piece {
  text: string
  reasoning: string
  calls: ToolCallDelta[]
}

export class AnswerReader {
  readonly #facts: AnswerFacts
  #finishReason: FinishReason | null = null
  #usage: ChunkUsage | null = null
  #tokens = 0 // that the server has written
  #repeated = 0 // of those, white space that was there before
  #done = false
  readonly #calls: CallParts

  constructor(facts: AnswerFacts) {
    this.#facts = facts
    this.#calls = new CallParts(facts.name)
  }

  get hasBegun(): boolean {
    return this.#tokens > 0
  }

  /** The whole answer has come; what may follow is its usage. */
  get isComplete(): boolean {
    return this.#finishReason !== null
  }

  /** Nothing follows. */
  get isDone(): boolean {
    return this.#done
  }

  push({ field, data }: SseEvent): GenerateItem | null {
    if (field === 'error') throw errorInStream(this.#facts.name, parse(data, this.#facts.name))
    if (data === '[DONE]') {
      this.#done = true
      return null
    }
    const what = `${this.#facts.name}: an event of its answer`
    const chunk = check(Chunk, parse(data, this.#facts.name), what, 'ENGINE_FAILED')
    if (chunk.error != null) throw errorInStream(this.#facts.name, chunk.error)
    this.#usage = chunk.usage ?? usageOf(chunk.timings) ?? this.#usage
    const [choice] = chunk.choices ?? []
    if (choice === undefined) return null
    if (choice.finish_reason != null && choice.finish_reason !== '') {
      this.#finishReason = finishReasonOf(choice.finish_reason, this.#facts.name)
    }
    const text = choice.text ?? choice.delta?.content ?? ''
    const thought = choice.delta?.reasoning_content ?? choice.delta?.reasoning ?? ''
    const calls = this.#calls.push(choice.delta?.tool_calls ?? [], chunk.id ?? '')
    const counted = chunk.usage?.completion_tokens ?? chunk.timings?.predicted_n ?? null
    return this.#item({ text, reasoning: thought, calls }, counted)
  }

  /**
   * The number of tokens is what the server says where it says it with each piece; otherwise each
   * piece is taken for one. A text without any would be sent twice to a reader that resumes, as
   * its place is counted in tokens.
   */
  #item({ text, reasoning, calls }: Piece, counted: number | null): GenerateItem | null {
    const before = this.#tokens
    const isPiece = text !== '' || reasoning !== '' || calls.length > 0
    this.#tokens = Math.max(before + (isPiece ? 1 : 0), counted ?? 0)
    const tokens = this.#tokens - before
    if (tokens === 0) return null
    const added = this.#facts.resumed.push(text)
    if (added === '' && text !== '' && reasoning === '' && calls.length === 0) {
      this.#repeated += tokens
      return null
    }
    if (this.#tokens - this.#repeated >= this.#facts.maxTokens) {
      this.#finishReason ??= 'length'
      if (this.#tokens < this.#facts.askedTokens) this.#done = true // it would go on
    }
    return {
      tokenIds: [],
      text: added,
      tokens,
      ...(reasoning === '' ? {} : { reasoning }),
      ...(calls.length === 0 ? {} : { toolCalls: calls })
    }
  }

  result(): { finishReason: FinishReason; usage: Usage } {
    const { name, resumedTokens } = this.#facts
    if (this.#finishReason === null) {
      throw new HaifError('ENGINE_FAILED', `${name} broke off: its answer has no end`)
    }
    // Some say `stop` after a call that they were told to make.
    const isCalling = this.#finishReason === 'stop' && this.#calls.count > 0
    const finishReason = isCalling ? 'toolCalls' : this.#finishReason
    return { finishReason, usage: this.#usageWith(resumedTokens) }
  }

  /** What was resumed is prompt to the server and answer to the caller. */
  #usageWith(resumedTokens: number): Usage {
    const { prompt_tokens: prompt, completion_tokens: completion } = this.#usage ?? {}
    const promptTokens =
      prompt == null ? this.#facts.promptTokensGuess : Math.max(1, prompt - resumedTokens)
    const cached = this.#usage?.prompt_tokens_details?.cached_tokens ?? 0
    return {
      promptTokens,
      cachedPromptTokens: Math.min(cached, promptTokens),
      completionTokens: resumedTokens + (completion ?? this.#tokens) - this.#repeated,
      ...(prompt == null || completion == null ? { estimated: true } : {})
    }
  }
}

/** llama-server tells the same with every piece, under other names. */
function usageOf(timings: Static<typeof Timings> | null | undefined): ChunkUsage | null {
  if (timings?.predicted_n == null || timings.prompt_n == null) return null
  const { prompt_n: read, cache_n: cached, predicted_n: written } = timings
  if (cached == null) return { completion_tokens: written } // versions before it told less
  return {
    prompt_tokens: read + cached,
    completion_tokens: written,
    prompt_tokens_details: { cached_tokens: cached }
  }
}

function parse(data: string, name: string): unknown {
  try {
    return JSON.parse(data)
  } catch (error) {
    throw new HaifError('ENGINE_FAILED', `${name} sent an event that is no JSON`, { cause: error })
  }
}

/** vLLM and SGLang end with `abort` what they gave up. */
function finishReasonOf(reason: string, name: string): FinishReason {
  if (reason === 'length') return 'length'
  if (reason === 'tool_calls') return 'toolCalls'
  if (!BROKEN_REASONS.has(reason)) return 'stop'
  throw new HaifError('ENGINE_FAILED', `${name} broke off: ${reason}`)
}

const BROKEN_REASONS: ReadonlySet<string> = new Set(['abort', 'error'])
