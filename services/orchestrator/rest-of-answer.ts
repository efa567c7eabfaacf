/**
 * What of an answer is new to a reader who has its beginning already.
 *
 * The items may be cut otherwise than those that the reader got, so it is told by tokens and text and
 * not by items. And it may be another answer altogether, with a beginning of its own.
 */
import type { InferenceItem, InferenceRequest } from '#shared/contracts/inference.ts'
import { tokensIn } from '#shared/contracts/sent-tokens.ts'

type Resume = NonNullable<InferenceRequest['resume']>

export class RestOfAnswer {
  /** Null once the reader has caught up, or when it has nothing yet. */
  #has: Resume | null
  #isOther = false
  #tokens = 0
  #text = ''
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
    this.#digest = item.digest ?? this.#digest
    if (this.#tokens < tokensIn(has)) return null
    if (!this.#text.startsWith(has.text)) {
      this.#isOther = true
      return null
    }
    this.#has = null
    const rest = cut(item, missing, this.#text.slice(has.text.length))
    if (this.#digest !== undefined) rest.digest = this.#digest
    return tokensIn(rest) === 0 && rest.text === '' && rest.digest === has.digest ? null : rest
  }
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
  const { tokenIds, text, tokens, digest } = resume
  for (let i = 0; ; i++) {
    const seq = i * TOKENS_PER_ITEM_MAX
    const ids = tokenIds.slice(seq, seq + TOKENS_PER_ITEM_MAX)
    const from = i * CHARACTERS_PER_ITEM_MAX
    const part = text.slice(from, from + CHARACTERS_PER_ITEM_MAX)
    if (ids.length === 0 && part === '') return items
    const item: InferenceItem = { seq, tokenIds: ids, text: part }
    if (digest !== undefined) item.digest = digest
    if (tokens !== undefined && tokens !== tokenIds.length) item.tokens = i === 0 ? tokens : 0
    items.push(item)
  }
}
