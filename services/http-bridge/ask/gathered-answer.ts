/** Gathers whole answers from their parts, for replies that are no stream. */
import {
  tokensIn,
  type InferenceEnd,
  type InferenceItem,
  type TokenLogprob,
  type ToolCallDelta
} from '#shared/contracts/inference/answer.ts'
import type { ToolCall } from '#shared/contracts/inference/chat.ts'
import type { AnswerParts } from './answer-parts.ts'

/** One answer while it grows; the tokens asked for bound it. */
export class GatheredAnswer {
  text = ''
  reasoning = ''
  /** Tokens that only thought, as far as they can be told; the engine may know it better. */
  reasoningTokens = 0
  readonly toolCalls = new ToolCalls()
  readonly logprobs: TokenLogprob[] = []
  end: InferenceEnd | null = null

  add(item: InferenceItem): void {
    this.text += item.text
    this.reasoning += item.reasoning ?? ''
    this.reasoningTokens += reasoningTokensIn(item)
    for (const delta of item.toolCalls ?? []) this.toolCalls.add(delta)
    this.logprobs.push(...(item.logprobs ?? []))
  }
}

/** Reads all answers to their end. */
export async function gatherAnswers(
  parts: AnswerParts,
  choices: number
): Promise<GatheredAnswer[]> {
  const answers = Array.from({ length: choices }, () => new GatheredAnswer())
  for await (const together of parts) {
    for (const part of together) {
      const answer = answers[part.index]!
      if (part.kind === 'item') answer.add(part.item)
      else answer.end = part.end
    }
  }
  return answers
}

/** The tool calls of one answer, put together from their parts. */
export class ToolCalls {
  readonly #calls = new Map<number, ToolCall>() // the contract bounds their number

  add({ index, id, name, arguments: text = '' }: ToolCallDelta): ToolCall {
    const call = this.#calls.get(index) ?? { id: '', name: '', arguments: '' }
    if (id !== undefined) call.id = id
    if (name !== undefined) call.name = name
    call.arguments += text
    this.#calls.set(index, call)
    return call
  }

  all(): ToolCall[] {
    return [...this.#calls].toSorted(([a], [b]) => a - b).map(([, call]) => call)
  }
}

/** The tokens of an item that has only thoughts; a token with both counts as text. */
export const reasoningTokensIn = (item: InferenceItem): number =>
  item.text === '' && (item.reasoning ?? '') !== '' ? tokensIn(item) : 0
