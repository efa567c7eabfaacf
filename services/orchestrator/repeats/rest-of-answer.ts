/**
 * What of an answer is new to a reader who has its beginning already.
 *
 * The items may be cut otherwise than those that the reader got, so it is told by tokens and text and
 * not by items. And it may be another answer altogether, with a beginning of its own.
 */
import type { ToolCall } from '#shared/contracts/inference/chat.ts'
import type { InferenceItem, ToolCallDelta } from '#shared/contracts/inference/answer.ts'
import type { InferenceRequest } from '#shared/contracts/inference/request.ts'
import { addToCalls, tokensIn } from '#shared/inference/sent-tokens.ts'

type Resume = NonNullable<InferenceRequest['resume']>

export class RestOfAnswer {
  /** Null once the reader has caught up, or when it has nothing yet. */
  #has: Resume | null
  #isOther = false
  #tokens = 0
  #text = ''
  #reasoning = ''
  readonly #calls: ToolCall[] = [] // of what the reader has, and the item after it
  #digest: string | undefined

  constructor(resume: InferenceRequest['resume']) {
    this.#has = resume ?? null
  }

  /** Whether all so far is what the reader has, and there is nothing more of that. */
  get isReached(): boolean {
    return this.#has === null
  }

  /** Whether the answer does not begin with what the reader has. */
  get isOther(): boolean {
    return this.#isOther
  }

  /** What is new in the next item, or null. */
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

/** What the reader does not have of the calls until now. */
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

/** As the contract of an item has it. */
const TOKENS_PER_ITEM_MAX = 4096
const CHARACTERS_PER_ITEM_MAX = 65_536

/** What was resumed, as items that come before those that follow it. */
export function beginningOf(resume: InferenceRequest['resume']): InferenceItem[] {
  const items: InferenceItem[] = []
  if (resume === undefined) return items
  const { tokenIds, text, reasoning = '', toolCalls = [], tokens, digest } = resume
  for (let i = 0; ; i++) {
    const seq = i * TOKENS_PER_ITEM_MAX
    const ids = tokenIds.slice(seq, seq + TOKENS_PER_ITEM_MAX)
    const from = i * CHARACTERS_PER_ITEM_MAX
    const part = text.slice(from, from + CHARACTERS_PER_ITEM_MAX)
    const thought = reasoning.slice(from, from + CHARACTERS_PER_ITEM_MAX)
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
  const part = call.arguments.slice(from, from + CHARACTERS_PER_ITEM_MAX)
  if (from === 0) return [{ index, id: call.id, name: call.name, arguments: part }]
  return part === '' ? [] : [{ index, arguments: part }]
}
