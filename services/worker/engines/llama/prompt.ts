/**
 * From what the caller sent to the tokens that the model reads. In `chat` mode the text around the
 * messages is the template in the model's file and nothing else; in `direct` mode there is none.
 *
 * The library's ready-made wrappers are not used: they stand for the families they were written for
 * (the one for ChatML starts with a BOS token that neither the template nor the model asks for).
 * Messages are tokenized apart from the template, so `<|im_end|>` in a message is text.
 */
import {
  JinjaTemplateChatWrapper,
  LlamaText,
  SpecialToken,
  SpecialTokensText,
  isLlamaText,
  type ChatHistoryItem,
  type LlamaModel,
  type Token
} from 'node-llama-cpp'
import type { GenerateRequest } from '../engine.ts'
import type { ReasoningMarks } from './reasoning.ts'
import { toTokens } from './tokens.ts'
import type { CallFormat } from './tools/call-format.ts'
import { ToolChat, unsupported } from './tools/tool-chat.ts'
import type { ChatMessage, InferenceInput } from '#shared/contracts/inference.ts'
import { HaifError } from '#shared/errors.ts'

export interface Prompt {
  tokens: Token[]
  /** What ends an answer besides the model's own end tokens. */
  stopTokens: ReadonlySet<Token>
  stopTexts: readonly string[]
  /** Null: what the model writes is all answer. `opened`: the prompt ends inside a thought. */
  reasoning: { marks: ReasoningMarks; opened: boolean } | null
  /** How the model writes tool calls, when it is given tools. */
  calls?: { format: CallFormat; controlTokens: ReadonlySet<Token> }
}

export type PromptRequest = Pick<GenerateRequest, 'input' | 'tools' | 'reasoningEffort'>

export class PromptRenderer {
  readonly #model: LlamaModel
  readonly #vocabularySize: number
  readonly #template: JinjaTemplateChatWrapper | null
  readonly #reasoning: ReasoningMarks | null
  #toolChat: ToolChat | null = null

  constructor(model: LlamaModel, vocabularySize: number) {
    this.#model = model
    this.#vocabularySize = vocabularySize
    this.#template = templateOf(model)
    this.#reasoning = this.#template === null ? null : reasoningMarks(this.#template, model)
  }

  /** Whether the model marks what it thinks before it answers. */
  get hasReasoning(): boolean {
    return this.#reasoning !== null
  }

  /** Whether the template has a place for tools, and a form of calls that is known. */
  get hasTools(): boolean {
    if (this.#template === null) return false
    try {
      this.#toolChat ??= this.#newToolChat()
      this.#toolChat.callFormat()
      return true
    } catch {
      return false // a request with tools is told why
    }
  }

  get hasTemplate(): boolean {
    return this.#template !== null
  }

  render(request: PromptRequest): Prompt {
    const { input, tools, reasoningEffort } = request
    if (input.mode === 'chat') {
      const isPlain =
        tools === undefined && reasoningEffort === undefined && !input.messages.some(isAboutTools)
      if (isPlain) return this.#renderChat(input.messages)
      return this.#renderWithTools(request, input.messages)
    }
    if (tools !== undefined) throw unsupported('tools', 'tools need `messages`: a prompt has none')
    if (reasoningEffort !== undefined && reasoningEffort !== 'none') {
      throw unsupported('reasoningEffort', 'reasoningEffort needs `messages`: a prompt has none')
    }
    return this.#renderPrompt(input)
  }

  #renderPrompt(input: Exclude<InferenceInput, { mode: 'chat' }>): Prompt {
    // As in completion APIs, the text may spell control tokens: whoever sends a raw prompt may need them.
    const tokens =
      input.mode === 'tokens'
        ? toTokens(input.tokenIds, this.#vocabularySize, 'the prompt')
        : this.#model.tokenize(input.prompt, true)
    return { tokens: this.#withBos(tokens), stopTokens: new Set(), stopTexts: [], reasoning: null }
  }

  #renderChat(messages: readonly ChatMessage[]): Prompt {
    const { contextText, stopGenerationTriggers } = this.#apply(this.#assertTemplate(), messages)
    return this.#promptOf(contextText, stopGenerationTriggers)
  }

  #renderWithTools(
    { tools, reasoningEffort }: PromptRequest,
    messages: readonly ChatMessage[]
  ): Prompt {
    const chat = (this.#toolChat ??= this.#newToolChat())
    const parts = refusing(() =>
      chat.render({
        messages,
        ...(tools === undefined ? {} : { tools }),
        ...(reasoningEffort === undefined ? {} : { reasoningEffort })
      })
    )
    const text = LlamaText(
      parts.map((part) => ('text' in part ? part.text : new SpecialTokensText(part.template)))
    )
    const prompt = this.#promptOf(text, this.#stopTriggers())
    if (tools === undefined) return prompt
    const format = chat.callFormat()
    return { ...prompt, calls: { format, controlTokens: this.#controlTokensIn(format) } }
  }

  #newToolChat(): ToolChat {
    const { template } = this.#assertTemplate()
    const { bosString, eosString } = this.#model.tokens
    return refusing(
      () =>
        new ToolChat({
          template,
          bosText: bosString ?? '',
          eosText: eosString ?? '',
          thinks: this.#reasoning !== null,
          cutEnd: (text) => this.#withoutEnd(text)
        })
    )
  }

  #promptOf(text: LlamaText, stopTriggers: readonly LlamaText[]): Prompt {
    const stops = stopTriggers.map((trigger) => firstPart(trigger, this.#model))
    return {
      tokens: this.#withBos(text.tokenize(this.#model.tokenizer)),
      stopTokens: new Set(stops.filter((stop) => typeof stop === 'number')),
      stopTexts: stops.filter((stop) => typeof stop === 'string'),
      reasoning: this.#reasoningAfter(text.toString())
    }
  }

  /** What ends a turn does not depend on what was said. */
  #stopTriggers(): readonly LlamaText[] {
    const hello: ChatMessage[] = [{ role: 'user', content: 'Hello' }]
    return this.#apply(this.#assertTemplate(), hello).stopGenerationTriggers
  }

  #withoutEnd(text: string): string {
    const isEnd = (token: Token) => this.#model.isEogToken(token)
    const end = this.#model.tokenize(text, true).find(isEnd)
    const mark = end === undefined ? '' : this.#model.detokenize([end], true)
    return mark === '' ? text : (text.split(mark, 1)[0] ?? '')
  }

  /** Tokens of the format that are left out of the text of an answer, which has to have them here. */
  #controlTokensIn({ begin, middle, between, end }: CallFormat): ReadonlySet<Token> {
    const tokens = [begin, middle, between ?? '', end].flatMap((text) =>
      this.#model.tokenize(text, true)
    )
    const isHidden = (token: Token) => this.#model.detokenize([token], false) === ''
    return new Set(tokens.filter((token) => isHidden(token) && !this.#model.isEogToken(token)))
  }

  #assertTemplate(): JinjaTemplateChatWrapper {
    if (this.#template !== null) return this.#template
    throw new HaifError(
      'UNSUPPORTED_PARAMETER',
      'the model has no chat template: send a `prompt` with mode `direct` instead of `messages`'
    )
  }

  #apply(template: JinjaTemplateChatWrapper, messages: readonly ChatMessage[]) {
    // The empty answer at the end makes the template open the model's turn.
    const chatHistory: ChatHistoryItem[] = [
      ...messages.map(toHistoryItem),
      { type: 'model', response: [] }
    ]
    return refusing(() => template.generateContextState({ chatHistory }))
  }

  #reasoningAfter(prompt: string): Prompt['reasoning'] {
    if (this.#reasoning === null) return null
    const { begin } = this.#reasoning
    return { marks: this.#reasoning, opened: prompt.trimEnd().endsWith(begin) }
  }

  #withBos(tokens: Token[]): Token[] {
    const { bos, shouldPrependBosToken } = this.#model.tokens
    return shouldPrependBosToken && bos !== null && tokens[0] !== bos ? [bos, ...tokens] : tokens
  }
}

const isAboutTools = ({ role, toolCalls = [] }: ChatMessage): boolean =>
  role === 'tool' || toolCalls.length > 0

/** Templates refuse what they do not take by throwing. */
function refusing<Result>(render: () => Result): Result {
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

/**
 * Some templates refuse two messages of one role in a row, or a system message; only for those are
 * messages joined. A template that cannot be read at all counts as none.
 */
function templateOf(model: LlamaModel): JinjaTemplateChatWrapper | null {
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

/** What the library found of thoughts in the template, if both marks come out of the model as text. */
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
