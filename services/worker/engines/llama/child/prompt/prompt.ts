/**
 * Turns the caller's input into the tokens that the model reads. In `chat` mode the text around the
 * messages is the template in the model's file and nothing else; in `direct` mode there is none.
 * Messages are tokenized apart from the template, so `<|im_end|>` in a message is text.
 */
import { LlamaText, SpecialTokensText, type LlamaModel, type Token } from 'node-llama-cpp'
import type { GenerateRequest } from '../../../engine.ts'
import { unsupported } from '../../../errors.ts'
import { ChatTemplate, type RenderedChat } from './chat-template.ts'
import { toTokens } from '../tokens.ts'
import type { CallFormat } from './call-format.ts'
import { ToolChat } from './tool-chat.ts'
import { turnEndOf } from './turn-end.ts'
import type { ChatMessage } from '#shared/contracts/inference/chat.ts'
import type { InferenceInput } from '#shared/contracts/inference/request.ts'
import { HaifError } from '#shared/errors.ts'

/** The texts that a model writes around its reasoning. */
export interface ReasoningMarks {
  begin: string
  end: string
}

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

/** Ends an answer, besides the model's own end tokens. */
type Stop = Token | string

type PromptRequest = Pick<GenerateRequest, 'input' | 'tools' | 'reasoningEffort'>

export class PromptRenderer {
  readonly #model: LlamaModel
  readonly #vocabularySize: number
  readonly #template: ChatTemplate | null
  readonly #reasoning: ReasoningMarks | null
  #toolChat: ToolChat | null = null
  #stops: readonly Stop[] | null = null

  constructor(model: LlamaModel, vocabularySize: number) {
    this.#model = model
    this.#vocabularySize = vocabularySize
    this.#template = templateOf(model)
    this.#reasoning = this.#findReasoning()
  }

  /** True when the model marks its reasoning. */
  get hasReasoning(): boolean {
    return this.#reasoning !== null
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
    if (input.mode === 'chat') return this.#renderChat(request, input.messages)
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

  #renderChat({ tools, reasoningEffort }: PromptRequest, messages: readonly ChatMessage[]): Prompt {
    const chat = (this.#toolChat ??= this.#newToolChat())
    const prompt = this.#promptOf(
      chat.render({
        messages,
        ...(tools === undefined ? {} : { tools }),
        ...(reasoningEffort === undefined ? {} : { reasoningEffort })
      })
    )
    if (tools === undefined) return prompt
    const format = chat.callFormat()
    return { ...prompt, calls: { format, controlTokens: this.#controlTokensIn(format) } }
  }

  #newToolChat(): ToolChat {
    return new ToolChat({
      template: this.#assertTemplate(),
      thinks: this.#reasoning !== null,
      cutEnd: (text) => this.#withoutEnd(text)
    })
  }

  #promptOf({ parts, opened }: RenderedChat): Prompt {
    const text = LlamaText(
      parts.map((part) => ('text' in part ? part.text : new SpecialTokensText(part.template)))
    )
    const stops = (this.#stops ??= this.#findStops())
    return {
      tokens: this.#withBos(text.tokenize(this.#model.tokenizer)),
      stopTokens: new Set(stops.filter((stop) => typeof stop === 'number')),
      stopTexts: stops.filter((stop) => typeof stop === 'string'),
      reasoning: this.#reasoningAfter(opened)
    }
  }

  /** One control token that ends a turn is enough; a text is the end only where there is none. */
  #findStops(): Stop[] {
    const end = turnEndOf(this.#assertTemplate())
    const tokens = this.#model.tokenize(end, true)
    if (tokens.some((token) => this.#model.isEogToken(token))) return []
    const control = tokens.findLast((token) => this.#model.detokenize([token], false) === '')
    if (control !== undefined) return [control]
    return end.trim() === '' ? [] : [end.trimEnd()]
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

  #findReasoning(): ReasoningMarks | null {
    const marks = { begin: '<think>', end: '</think>' }
    const source = this.#template?.source ?? ''
    return source.includes(marks.begin) && source.includes(marks.end) ? marks : null
  }

  #reasoningAfter(opened: string): Prompt['reasoning'] {
    const marks = this.#reasoning
    if (marks === null) return null
    return { marks, opened: opened.trimEnd().endsWith(marks.begin) }
  }

  #withBos(tokens: Token[]): Token[] {
    const { bos, shouldPrependBosToken } = this.#model.tokens
    return shouldPrependBosToken && bos !== null && tokens[0] !== bos ? [bos, ...tokens] : tokens
  }
}

/** Returns null when the file has no template, or one that cannot be read. */
function templateOf(model: LlamaModel): ChatTemplate | null {
  const source = model.fileInfo.metadata.tokenizer?.chat_template
  if (typeof source !== 'string' || source.trim() === '') return null
  const { bosString, eosString } = model.tokens
  try {
    return new ChatTemplate({ source, bosText: bosString ?? '', eosText: eosString ?? '' })
  } catch (error) {
    console.error(`chat template refused: ${String(error)}`)
    return null
  }
}
