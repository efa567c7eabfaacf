/**
 * The answer of one request on the worker's side: the text that came from the process and has not
 * been read yet, in one piece. The process may be at most `CREDIT_TOKENS` ahead of the reader;
 * credit is given back as tokens are taken, so a reader that stops holds up only its own answer.
 */
import type {
  PromptToken,
  TokenLogprob,
  ToolCallDelta
} from '#shared/contracts/inference/answer.ts'
import type { GenerateEnd, GenerateItem, GenerateRequest } from '../../engine.ts'
import type { PartExtras } from '../messages.ts'

/** The bound on tokens between the process and the reader. */
export const CREDIT_TOKENS = 256
/** Credit is returned in portions, or each token would cost a message back. */
const CREDIT_PORTION = CREDIT_TOKENS / 4

export class AnswerStream {
  readonly id: number
  readonly request: GenerateRequest
  readonly #giveCredit: (tokens: number) => void
  #tokenIds: number[] = []
  #text = ''
  #reasoning = ''
  #logprobs: TokenLogprob[] = []
  #prompt: PromptToken[] = []
  #toolCalls: ToolCallDelta[] = []
  #taken = 0
  #end: GenerateEnd | null = null
  #failure: { reason: unknown } | null = null
  #wake: (() => void) | null = null

  constructor(id: number, request: GenerateRequest, giveCredit: (tokens: number) => void) {
    this.id = id
    this.request = request
    this.#giveCredit = giveCredit
  }

  push(tokenIds: readonly number[], text: string, more: PartExtras = {}): void {
    this.#tokenIds.push(...tokenIds)
    this.#text += text
    this.#reasoning += more.reasoning ?? ''
    this.#logprobs.push(...(more.logprobs ?? []))
    this.#prompt.push(...(more.prompt ?? []))
    for (const delta of more.toolCalls ?? []) addDelta(this.#toolCalls, delta)
    this.#notify()
  }

  end(end: GenerateEnd): void {
    this.#end = end
    this.#notify()
  }

  /** Drops the text that was not read yet: the reader gets the reason at once. */
  fail(reason: unknown): void {
    if (this.#end !== null || this.#failure !== null) return
    this.#failure = { reason }
    this.#notify()
  }

  /** Takes everything that came since the last time; null when the answer has ended. */
  async take(): Promise<GenerateItem | null> {
    for (;;) {
      if (this.#failure !== null) throw this.#failure.reason
      const isNews = this.#tokenIds.length > 0 || this.#text !== '' || this.#prompt.length > 0
      if (isNews) return this.#takeAll()
      if (this.#end !== null) return null
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  get result(): GenerateEnd {
    if (this.#end === null) throw new Error('the answer has not ended')
    return this.#end
  }

  #takeAll(): GenerateItem {
    const item: GenerateItem = { tokenIds: this.#tokenIds, text: this.#text }
    if (this.#reasoning !== '') item.reasoning = this.#reasoning
    if (this.#logprobs.length > 0) item.logprobs = this.#logprobs
    if (this.#toolCalls.length > 0) item.toolCalls = this.#toolCalls
    if (this.#prompt.length > 0) item.prompt = this.#prompt
    this.#taken += item.tokenIds.length + this.#prompt.length
    this.#tokenIds = []
    this.#text = ''
    this.#reasoning = ''
    this.#logprobs = []
    this.#toolCalls = []
    this.#prompt = []
    if (this.#taken >= CREDIT_PORTION && this.#end === null) {
      this.#giveCredit(this.#taken)
      this.#taken = 0
    }
    return item
  }

  #notify(): void {
    this.#wake?.()
    this.#wake = null
  }
}

/** Joins the unread parts of one call. */
function addDelta(deltas: ToolCallDelta[], delta: ToolCallDelta): void {
  const last = deltas.at(-1)
  if (last?.index !== delta.index) deltas.push({ ...delta })
  else last.arguments = (last.arguments ?? '') + (delta.arguments ?? '')
}
