/**
 * How much of an answer may come back for what was asked. Whoever passes an answer on holds it in
 * memory, so an answer that need not end would fill each process on its way; `max_tokens` binds
 * only an engine that keeps to it.
 *
 * Tokens are counted as the items give them, and beside them everything that takes memory without
 * being a token: texts, parts of tool calls, items that say nothing.
 */
import {
  tokensIn,
  type InferenceItem,
  type PromptToken,
  type TokenLogprob
} from '#shared/contracts/inference/answer.ts'
import type { Asked, Sent } from '#shared/contracts/inference/request.ts'
import { HaifError } from '#shared/errors.ts'
import { promptTokensMax, type PromptParts } from './prompt-size.ts'

/** Servers that count in pieces, or draw several tokens at a time, end a little late. */
const EXTRA_TOKENS = 64
/** The longest tokens of today's vocabularies are runs of 128 spaces or dashes. */
const CHARACTERS_PER_TOKEN_MAX = 256
/** An answer that could not be continued elsewhere either: about a million tokens of prose. */
const CHARACTERS_MAX = 4_194_304
/** What an object costs in memory beside its texts, in characters. */
const ENTRY_CHARACTERS = 32
/** Items without a token: a held-back text at the end, an empty piece. */
const EMPTY_ITEMS_MAX = 256
/** Reports of a load come twice a second, and together after a pause of the network. */
const LOADING_ITEMS_MAX = 64
const LOADING_MS_MIN = 100

/** What has passed of an answer. */
export interface Passed {
  /** Tokens as the items give them, those that were sent before included. */
  readonly tokens: number
  /** Tokens whose ids have passed, in this attempt and before it. */
  readonly ids: number
  /** Characters of texts, reasoning and calls of this attempt. */
  readonly characters: number
}

type BoundedAsked = PromptParts &
  Pick<Asked, 'maxTokens' | 'logprobs' | 'topLogprobs' | 'promptLogprobs'>

export class AnswerBound implements Passed {
  readonly #tokensMax: number
  readonly #charactersMax: number
  #empty = 0
  #loading = 0
  tokens: number
  ids: number
  characters = 0
  /** What is told of the prompt: tokens and characters, in this attempt. */
  readonly #prompt = { tokensMax: 0, charactersMax: 0, tokens: 0, characters: 0 }

  constructor(asked: BoundedAsked, sent?: Sent) {
    const { maxTokens, logprobs = false, topLogprobs = 0 } = asked
    this.tokens = sent === undefined ? 0 : tokensIn(sent)
    this.ids = sent?.tokenIds.length ?? 0
    this.#tokensMax = maxTokens + EXTRA_TOKENS
    const texts = logprobs ? 2 + topLogprobs : 1
    this.#charactersMax = charactersMax(this.#tokensMax, texts)
    if (asked.promptLogprobs !== true) return
    this.#prompt.tokensMax = promptTokensMax(asked)
    this.#prompt.charactersMax = charactersMax(this.#prompt.tokensMax, texts)
  }

  /** Throws WORKER_FAULTY where the answer has become more than what was asked can be. */
  add(items: readonly InferenceItem[], elapsedMs: number): void {
    for (const item of items) {
      if (item.limits !== undefined || item.ticket !== undefined) {
        throw faulty('limits or a ticket, which are not its to give')
      }
      if (item.queued === undefined) this.addItem(item)
      else this.#addLoading(elapsedMs)
    }
  }

  /** The same for one item that is a part of the answer. */
  addItem(item: InferenceItem): void {
    const tokens = tokensIn(item)
    this.tokens += tokens
    this.ids += item.tokenIds.length
    this.characters += charactersOf(item)
    const tellsPrompt = this.#addPrompt(item)
    if (tokens === 0 && !tellsPrompt) this.#empty++
    if (this.tokens > this.#tokensMax)
      throw faulty(`more than the ${this.#tokensMax} tokens that were asked for`)
    if (this.characters > this.#charactersMax) {
      throw faulty(`more than the ${this.#charactersMax} characters that so many tokens can have`)
    }
    if (this.#empty > EMPTY_ITEMS_MAX) throw faulty(`over ${EMPTY_ITEMS_MAX} items without a token`)
  }

  /** Returns whether the item has told something of the prompt. */
  #addPrompt({ prompt = [] }: InferenceItem): boolean {
    if (prompt.length === 0) return false
    const told = this.#prompt
    told.tokens += prompt.length
    told.characters += logprobCharacters(prompt)
    if (told.tokens > told.tokensMax) {
      throw faulty(`logprobs of more than the ${told.tokensMax} tokens that the prompt can have`)
    }
    if (told.characters > told.charactersMax) {
      throw faulty(`more than ${told.charactersMax} characters of logprobs of the prompt`)
    }
    return true
  }

  #addLoading(elapsedMs: number): void {
    this.#loading++
    if (this.#loading > LOADING_ITEMS_MAX + elapsedMs / LOADING_MS_MIN) {
      throw faulty('more reports of a load than it has had time for')
    }
  }
}

function charactersOf({ text, reasoning = '', toolCalls = [], logprobs = [] }: InferenceItem) {
  let characters = text.length + reasoning.length
  for (const { id = '', name = '', arguments: part = '' } of toolCalls) {
    characters += ENTRY_CHARACTERS + id.length + name.length + part.length
  }
  return characters + logprobCharacters(logprobs)
}

function logprobCharacters(logprobs: readonly (TokenLogprob | PromptToken)[]): number {
  let characters = 0
  for (const { token, top } of logprobs) {
    characters += ENTRY_CHARACTERS + token.length
    for (const other of top) characters += ENTRY_CHARACTERS + other.token.length
  }
  return characters
}

const charactersMax = (tokens: number, texts: number): number =>
  Math.min(CHARACTERS_PER_TOKEN_MAX * texts * tokens, CHARACTERS_MAX * texts)

const faulty = (what: string): HaifError =>
  new HaifError('WORKER_FAULTY', `the worker sent ${what}`)
