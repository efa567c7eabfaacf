/**
 * The chat template in a model's file, as the library renders it: messages to text, the end of a
 * turn, and the marks of reasoning.
 *
 * The library's ready-made wrappers are not used: they stand for the families they were written for
 * (the one for ChatML starts with a BOS token that neither the template nor the model asks for).
 */
import {
  JinjaTemplateChatWrapper,
  SpecialToken,
  SpecialTokensText,
  isLlamaText,
  type ChatHistoryItem,
  type LlamaModel,
  type LlamaText,
  type Token
} from 'node-llama-cpp'
import type { ChatMessage } from '#shared/contracts/inference/chat.ts'
import { HaifError } from '#shared/errors.ts'

/** The texts that a model writes around its reasoning. */
export interface ReasoningMarks {
  begin: string
  end: string
}

/** Ends an answer, besides the model's own end tokens. */
export type Stop = Token | string

export class ChatTemplate {
  /** The template's text in the file. */
  readonly source: string
  /** Null where the model does not mark any reasoning. */
  readonly reasoning: ReasoningMarks | null
  readonly #model: LlamaModel
  readonly #wrapper: JinjaTemplateChatWrapper

  constructor(model: LlamaModel, wrapper: JinjaTemplateChatWrapper) {
    this.source = wrapper.template
    this.reasoning = reasoningMarks(wrapper, model)
    this.#model = model
    this.#wrapper = wrapper
  }

  render(messages: readonly ChatMessage[]): { text: LlamaText; stops: Stop[] } {
    // The empty answer at the end makes the template open the model's turn.
    const chatHistory: ChatHistoryItem[] = [
      ...messages.map(toHistoryItem),
      { type: 'model', response: [] }
    ]
    const { contextText, stopGenerationTriggers } = refusing(() =>
      this.#wrapper.generateContextState({ chatHistory })
    )
    const stops = stopGenerationTriggers.map((trigger) => firstPart(trigger, this.#model))
    return { text: contextText, stops: stops.filter((stop) => stop !== null) }
  }

  /** The stops do not depend on the messages. */
  stops(): Stop[] {
    return this.render([{ role: 'user', content: 'Hello' }]).stops
  }
}

/** Returns null when the file has no template, or one that cannot be read. */
export function templateOf(model: LlamaModel): ChatTemplate | null {
  const wrapper = wrapperOf(model)
  return wrapper === null ? null : new ChatTemplate(model, wrapper)
}

/**
 * Some templates refuse two messages of one role in a row, or a system message; only for those are
 * messages joined.
 */
function wrapperOf(model: LlamaModel): JinjaTemplateChatWrapper | null {
  const template = model.fileInfo.metadata.tokenizer?.chat_template
  if (typeof template !== 'string' || template.trim() === '') return null
  for (const joinAdjacentMessagesOfTheSameType of [false, true]) {
    try {
      return new JinjaTemplateChatWrapper({
        template,
        tokenizer: model.tokenizer,
        joinAdjacentMessagesOfTheSameType,
        reasoning: null,
        trimLeadingWhitespaceInResponses: false,
        functionCallMessageTemplate: 'noJinja',
        convertUnsupportedSystemMessagesToUserMessages: { use: 'ifNeeded', format: '{{message}}' }
      })
    } catch (error) {
      console.error(`chat template refused: ${firstLine(error)}`)
    }
  }
  return null
}

/** Turns the error of a template, which refuses messages by throwing, into ours. */
export function refusing<Result>(render: () => Result): Result {
  try {
    return render()
  } catch (error) {
    if (error instanceof HaifError) throw error
    throw new HaifError(
      'VALIDATION_FAILED',
      `the model's chat template does not take these messages: ${firstLine(error)}`,
      { cause: error }
    )
  }
}

/** The marks that the library found in the template, if the model writes both of them as text. */
function reasoningMarks(
  template: JinjaTemplateChatWrapper,
  model: LlamaModel
): ReasoningMarks | null {
  const { prefix, suffix } = template.settings.segments?.thought ?? {}
  const begin = markOf(prefix)
  const end = markOf(suffix)
  const isText = (mark: string) => model.detokenize(model.tokenize(mark, true)).trim() === mark
  return begin !== '' && end !== '' && isText(begin) && isText(end) ? { begin, end } : null
}

function markOf(mark: unknown): string {
  if (typeof mark === 'string') return mark.trim()
  return isLlamaText(mark) ? mark.toString().trim() : ''
}

function toHistoryItem({ role, content }: ChatMessage): ChatHistoryItem {
  if (role === 'tool') throw new Error('messages of tools are not rendered by the library')
  if (role === 'assistant') return { type: 'model', response: [content] }
  return { type: role, text: content }
}

/** Templates end a turn with a control token and perhaps a line break: the token alone decides. */
function firstPart(trigger: LlamaText, model: LlamaModel): Token | string | null {
  for (const value of trigger.values) {
    const parts =
      value instanceof SpecialToken
        ? value.tokenize(model.tokenizer)
        : value instanceof SpecialTokensText
          ? value.tokenizeSpecialTokensOnly(model.tokenizer)
          : [value]
    const first = parts.find((part) => typeof part === 'number' || part.trim() !== '')
    if (first !== undefined) return first
  }
  return null
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return (message.split('\n', 1)[0] ?? '').slice(0, 200)
}
