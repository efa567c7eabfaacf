/**
 * Reads one answer as the server streams it: pieces of text, then the finish reason and the usage.
 * A stream that ends without a finish reason has broken off; only of a server that never gives one
 * is `[DONE]` an end.
 */
import { Type, type Static } from 'typebox'
import { Compile } from '#shared/validator.ts'
import type { FinishReason, ToolCallDelta, Usage } from '#shared/contracts/inference/answer.ts'
import { HaifError } from '#shared/errors.ts'
import type { SseEvent } from '#shared/kit/sse-parser.ts'
import { check } from '#shared/rpc/check.ts'
import type { GenerateItem } from '../engine.ts'
import { CallPart, CallParts, orNull } from './call-parts.ts'
import type { ResumedText } from './resumed-text.ts'
import { errorInStream } from './upstream-errors.ts'

const ChunkText = orNull(Type.String())
const TokenCount = orNull(Type.Integer({ minimum: 0 }))

const ChunkUsage = Type.Object({
  prompt_tokens: TokenCount,
  completion_tokens: TokenCount,
  prompt_tokens_details: orNull(Type.Object({ cached_tokens: TokenCount })),
  completion_tokens_details: orNull(Type.Object({ reasoning_tokens: TokenCount }))
})
const ServerTimings = Type.Object({
  prompt_n: TokenCount,
  cache_n: TokenCount,
  predicted_n: TokenCount
})
type ChunkUsage = Static<typeof ChunkUsage>

const Chunk = Compile(
  Type.Object({
    id: ChunkText,
    choices: Type.Optional(
      Type.Array(
        Type.Object({
          text: ChunkText,
          /** Reasoning has one name in llama-server and SGLang, another in vLLM and Ollama. */
          delta: orNull(
            Type.Object({
              content: ChunkText,
              reasoning_content: ChunkText,
              reasoning: ChunkText,
              tool_calls: orNull(Type.Array(CallPart, { maxItems: 128 }))
            })
          ),
          finish_reason: ChunkText
        }),
        { maxItems: 1 } // more than one answer was not asked for
      )
    ),
    usage: orNull(ChunkUsage),
    /** Only llama-server sends timings. */
    timings: orNull(ServerTimings),
    error: Type.Optional(Type.Unknown())
  })
)

interface AnswerFacts {
  /** The server's name in messages. */
  name: string
  resumed: ResumedText
  /** Tokens of the answer that others have written, and tokens that may follow. */
  resumedTokens: number
  maxTokens: number
  /** The tokens that the server was asked for: more, where it has white space to repeat. */
  askedTokens: number
  /** `[DONE]` ends an answer that has no finish reason. */
  doneIsEnd: boolean
  /** An estimate for a server that does not report the tokens of the prompt. */
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
  #tokens = 0 // the tokens that the server has written
  #repeated = 0 // those of them that only repeat white space
  #done = false
  #hasReason = false
  readonly #calls: CallParts

  constructor(facts: AnswerFacts) {
    this.#facts = facts
    this.#calls = new CallParts(facts.name)
  }

  get hasBegun(): boolean {
    return this.#tokens > 0
  }

  /** True when the whole answer has come; only its usage may follow. */
  get isComplete(): boolean {
    return this.#finishReason !== null
  }

  /** The server has said why the answer ends. */
  get hasReason(): boolean {
    return this.#hasReason
  }

  /** True when nothing follows. */
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
      this.#hasReason = true
    }
    const text = choice.text ?? choice.delta?.content ?? ''
    const thought = choice.delta?.reasoning_content ?? choice.delta?.reasoning ?? ''
    const calls = this.#calls.push(choice.delta?.tool_calls ?? [], chunk.id ?? '')
    const counted = chunk.usage?.completion_tokens ?? chunk.timings?.predicted_n ?? null
    return this.#item({ text, reasoning: thought, calls }, counted)
  }

  /**
   * The server's own count of tokens is used where it comes with each piece; otherwise each piece
   * counts as one. A text that counts as none would be sent twice to a reader that resumes, because
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
    const { name, resumedTokens, doneIsEnd } = this.#facts
    if (this.#done && doneIsEnd) this.#finishReason ??= 'stop'
    if (this.#finishReason === null) {
      throw new HaifError('ENGINE_FAILED', `${name} broke off: its answer has no end`)
    }
    // Some servers report `stop` after a call that they were asked to make.
    const isCalling = this.#finishReason === 'stop' && this.#calls.count > 0
    const finishReason = isCalling ? 'toolCalls' : this.#finishReason
    return { finishReason, usage: this.#usageWith(resumedTokens) }
  }

  /** The resumed text is part of the prompt for the server and of the answer for the caller. */
  #usageWith(resumedTokens: number): Usage {
    const { prompt_tokens: prompt, completion_tokens: completion } = this.#usage ?? {}
    const promptTokens =
      prompt == null ? this.#facts.promptTokensGuess : Math.max(1, prompt - resumedTokens)
    const cached = this.#usage?.prompt_tokens_details?.cached_tokens ?? 0
    const thought = this.#usage?.completion_tokens_details?.reasoning_tokens
    return {
      promptTokens,
      cachedPromptTokens: Math.min(cached, promptTokens),
      completionTokens: resumedTokens + (completion ?? this.#tokens) - this.#repeated,
      ...(thought == null ? {} : { reasoningTokens: thought }),
      ...(prompt == null || completion == null ? { estimated: true } : {})
    }
  }
}

/** llama-server reports the usage with every piece, under other names. */
function usageOf(timings: Static<typeof ServerTimings> | null | undefined): ChunkUsage | null {
  if (timings?.predicted_n == null || timings.prompt_n == null) return null
  const { prompt_n: read, cache_n: cached, predicted_n: written } = timings
  if (cached == null) return { completion_tokens: written } // older versions do not report it
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

/** vLLM and SGLang end an answer that they gave up with `abort`. */
function finishReasonOf(reason: string, name: string): FinishReason {
  if (reason === 'length') return 'length'
  if (reason === 'tool_calls') return 'toolCalls'
  if (!BROKEN_REASONS.has(reason)) return 'stop'
  throw new HaifError('ENGINE_FAILED', `${name} broke off: ${reason}`)
}

const BROKEN_REASONS: ReadonlySet<string> = new Set(['abort', 'error'])
