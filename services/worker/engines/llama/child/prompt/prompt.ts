/**
 * Turns the caller's input into the tokens that the model reads. In `chat` mode the text around the
 * messages is the template in the model's file and nothing else; in `direct` mode there is none.
 * Messages are tokenized apart from the template, so `<|im_end|>` in a message is text.
 */
import { LlamaText, SpecialTokensText, type LlamaModel, type Token } from 'node-llama-cpp'
import type { GenerateRequest } from '../../../engine.ts'
import { unsupported } from '../../../errors.ts'
import {
  refusing,
  templateOf,
  type ChatTemplate,
  type ReasoningMarks,
  type Stop
} from './chat-template.ts'
import { toTokens } from '../tokens.ts'
import type { CallFormat } from './call-format.ts'
import { ToolChat } from './tool-chat.ts'
import type { ChatMessage } from '#shared/contracts/inference/chat.ts'
import type { InferenceInput } from '#shared/contracts/inference/request.ts'
import { HaifError } from '#shared/errors.ts'

export interface Prompt {
  tokens: Token[]
  /** Tokens that end an answer, besides the model's own end tokens. */
  stopTokens: ReadonlySet<Token>
  stopTexts: readonly string[]
  /** Null where the model marks no reasoning. `opened`: the prompt ends inside of it. */
  reasoning: { marks: ReasoningMarks; opened: boolean } | null
  /** The model's form of tool calls, when the request has tools. */
  calls?: { format: CallFormat; controlTokens: ReadonlySet<Token> }
}

type PromptRequest = Pick<GenerateRequest, 'input' | 'tools' | 'reasoningEffort'>

export class PromptRenderer {
  readonly #model: LlamaModel
  readonly #vocabularySize: number
  readonly #template: ChatTemplate | null
  #toolChat: ToolChat | null = null

  constructor(model: LlamaModel, vocabularySize: number) {
    this.#model = model
    this.#vocabularySize = vocabularySize
    this.#template = templateOf(model)
  }

  /** True when the model marks its reasoning. */
  get hasReasoning(): boolean {
    return this.#template?.reasoning != null
  }

  /** True when the template has a place for tools, and a known form of calls. */
  get hasTools(): boolean {
    if (this.#template === null) return false
    try {
      this.#toolChat ??= this.#newToolChat()
      this.#toolChat.callFormat()
      return true
    } catch {
      return false // the error of a request with tools says why
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
    // The text may spell control tokens, as in completion APIs: a raw prompt may need them.
    const tokens =
      input.mode === 'tokens'
        ? toTokens(input.tokenIds, this.#vocabularySize, 'the prompt')
        : this.#model.tokenize(input.prompt, true)
    return { tokens: this.#withBos(tokens), stopTokens: new Set(), stopTexts: [], reasoning: null }
  }

  #renderChat(messages: readonly ChatMessage[]): Prompt {
    const { text, stops } = this.#assertTemplate().render(messages)
    return this.#promptOf(text, stops)
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
    const prompt = this.#promptOf(text, this.#assertTemplate().stops())
    if (tools === undefined) return prompt
    const format = chat.callFormat()
    return { ...prompt, calls: { format, controlTokens: this.#controlTokensIn(format) } }
  }

  #newToolChat(): ToolChat {
    const { source: template, reasoning } = this.#assertTemplate()
    const { bosString, eosString } = this.#model.tokens
    return refusing(
      () =>
        new ToolChat({
          template,
          bosText: bosString ?? '',
          eosText: eosString ?? '',
          thinks: reasoning !== null,
          cutEnd: (text) => this.#withoutEnd(text)
        })
    )
  }

  #promptOf(text: LlamaText, stops: readonly Stop[]): Prompt {
    return {
      tokens: this.#withBos(text.tokenize(this.#model.tokenizer)),
      stopTokens: new Set(stops.filter((stop) => typeof stop === 'number')),
      stopTexts: stops.filter((stop) => typeof stop === 'string'),
      reasoning: this.#reasoningAfter(text.toString())
    }
  }

  #withoutEnd(text: string): string {
    const isEnd = (token: Token) => this.#model.isEogToken(token)
    const end = this.#model.tokenize(text, true).find(isEnd)
    const mark = end === undefined ? '' : this.#model.detokenize([end], true)
    return mark === '' ? text : (text.split(mark, 1)[0] ?? '')
  }

  /** Control tokens of the format, which the text of an answer must keep here. */
  #controlTokensIn({ begin, middle, between, end }: CallFormat): ReadonlySet<Token> {
    const tokens = [begin, middle, between ?? '', end].flatMap((text) =>
      this.#model.tokenize(text, true)
    )
    const isHidden = (token: Token) => this.#model.detokenize([token], false) === ''
    return new Set(tokens.filter((token) => isHidden(token) && !this.#model.isEogToken(token)))
  }

  #assertTemplate(): ChatTemplate {
    if (this.#template !== null) return this.#template
    throw new HaifError(
      'UNSUPPORTED_PARAMETER',
      'the model has no chat template: send a `prompt` with mode `direct` instead of `messages`'
    )
  }

  #reasoningAfter(prompt: string): Prompt['reasoning'] {
    const marks = this.#template?.reasoning ?? null
    if (marks === null) return null
    return { marks, opened: prompt.trimEnd().endsWith(marks.begin) }
  }

  #withBos(tokens: Token[]): Token[] {
    const { bos, shouldPrependBosToken } = this.#model.tokens
    return shouldPrependBosToken && bos !== null && tokens[0] !== bos ? [bos, ...tokens] : tokens
  }
}

const isAboutTools = ({ role, toolCalls = [] }: ChatMessage): boolean =>
  role === 'tool' || toolCalls.length > 0
