/**
 * The part of an answer that is new to a reader who has its beginning already.
 *
 * The items may be cut otherwise than those that the reader got, so the two are compared by tokens
 * and text and not by items. And the reader may have the beginning of another answer altogether.
 */
import type { ToolCall } from '#shared/contracts/inference/chat.ts'
import type { InferenceItem, ToolCallDelta } from '#shared/contracts/inference/answer.ts'
import {
  ITEM_CHARACTERS_MAX,
  ITEM_TOKENS_MAX,
  tokensIn
} from '#shared/contracts/inference/answer.ts'
import type { Sent } from '#shared/contracts/inference/request.ts'
import { addToCalls } from '#shared/inference/failover/sent-tokens.ts'

export class RestOfAnswer {
  /** Null once the reader has caught up, or when it has nothing yet. */
  #has: Sent | null
  #isOther = false
  #tokens = 0
  #text = ''
  #reasoning = ''
  readonly #calls: ToolCall[] = [] // up to the first item that is new to the reader
  #digest: string | undefined

  constructor(sent: Sent | undefined) {
    this.#has = sent ?? null
  }

  /** The answer has come to where the reader is. */
  get isReached(): boolean {
    return this.#has === null
  }

  /** The answer does not begin with what the reader has. */
  get isOther(): boolean {
    return this.#isOther
  }

  /** The part of the next item that is new to the reader, or null. */
  of(item: InferenceItem): InferenceItem | null {
    const has = this.#has
    if (has === null) return item
    const missing = tokensIn(has) - this.#tokens
    this.#tokens += tokensIn(item)
    this.#text += item.text
    this.#reasoning += item.reasoning ?? ''
    for (const delta of item.toolCalls ?? []) addToCalls(this.#calls, delta)
    this.#digest = item.digest ?? this.#digest
    if (this.#tokens < tokensIn(has)) return null
    if (!this.#text.startsWith(has.text) || !this.#reasoning.startsWith(has.reasoning ?? '')) {
      this.#isOther = true
      return null
    }
    this.#has = null
    const rest = cut(item, missing, this.#text.slice(has.text.length))
    if (rest.reasoning !== undefined) {
      rest.reasoning = this.#reasoning.slice(has.reasoning?.length ?? 0)
    }
    if (rest.toolCalls !== undefined) rest.toolCalls = callsAfter(this.#calls, has.toolCalls ?? [])
    if (this.#digest !== undefined) rest.digest = this.#digest
    const isNew = tokensIn(rest) > 0 || rest.text !== '' || rest.digest !== has.digest
    return isNew ? rest : null
  }
}

/** The parts of the calls so far that the reader does not have. */
function callsAfter(calls: readonly ToolCall[], has: readonly ToolCall[]): ToolCallDelta[] {
  return calls.flatMap((call, index): ToolCallDelta[] => {
    const known = has[index]
    if (known === undefined) return [{ index, ...call }]
    const more = call.arguments.slice(known.arguments.length)
    return more === '' ? [] : [{ index, arguments: more }]
  })
}

/** The item without so many tokens at its beginning. */
function cut(item: InferenceItem, tokens: number, text: string): InferenceItem {
  const rest = { ...item, seq: item.seq + tokens, tokenIds: item.tokenIds.slice(tokens), text }
  if (item.tokens !== undefined) rest.tokens = item.tokens - tokens
  if (item.logprobs !== undefined) rest.logprobs = item.logprobs.slice(tokens)
  return rest
}

/** The beginning that a continuation brings along, as the items of an answer. */
export function beginningOf(sent: Sent | undefined): InferenceItem[] {
  const items: InferenceItem[] = []
  if (sent === undefined) return items
  const { tokenIds, text, reasoning = '', toolCalls = [], tokens, digest } = sent
  for (let i = 0; ; i++) {
    const seq = i * ITEM_TOKENS_MAX
    const ids = tokenIds.slice(seq, seq + ITEM_TOKENS_MAX)
    const from = i * ITEM_CHARACTERS_MAX
    const part = text.slice(from, from + ITEM_CHARACTERS_MAX)
    const thought = reasoning.slice(from, from + ITEM_CHARACTERS_MAX)
    const calls = toolCalls.flatMap((call, index) => partOfCall(call, index, from))
    if (ids.length === 0 && part === '' && thought === '' && calls.length === 0) return items
    const item: InferenceItem = { seq, tokenIds: ids, text: part }
    if (thought !== '') item.reasoning = thought
    if (calls.length > 0) item.toolCalls = calls
    if (digest !== undefined) item.digest = digest
    if (tokens !== undefined && tokens !== tokenIds.length) item.tokens = i === 0 ? tokens : 0
    items.push(item)
  }
}

function partOfCall(call: ToolCall, index: number, from: number): ToolCallDelta[] {
  const part = call.arguments.slice(from, from + ITEM_CHARACTERS_MAX)
  if (from === 0) return [{ index, id: call.id, name: call.name, arguments: part }]
  return part === '' ? [] : [{ index, arguments: part }]
}
