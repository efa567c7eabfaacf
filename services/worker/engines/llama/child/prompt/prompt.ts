/**
 * Turns the caller's input into the tokens that the model reads. In `chat` mode the text around the
 * messages is the template in the model's file and nothing else; in `direct` mode there is none.
 * Messages are tokenized apart from the template, so `<|im_end|>` in a message is text.
 */
import type { GenerateRequest } from '../../../engine.ts'
import { unsupported } from '../../../errors.ts'
import { ChatTemplate, type RenderedChat } from './chat-template.ts'
import { toTokens } from '../tokens.ts'
import type { Token, Vocabulary } from '../vocabulary.ts'
import type { CallFormat } from './call-format.ts'
import { PromptTokenizer } from './prompt-tokens.ts'
import { ToolChat } from './tool-chat.ts'
import { innerTextOf, turnEndOf } from './turn-end.ts'
import type { ChatMessage } from '#shared/contracts/inference/chat.ts'
import type { InferenceInput } from '#shared/contracts/inference/request.ts'
import { HaifError } from '#shared/errors.ts'

/** The texts that a model writes around its reasoning. */
export interface ReasoningMarks {
  begin: string
  end: string
}

/** What ends an answer, besides the model's own end tokens. */
interface TurnEnds {
  stopTokens: ReadonlySet<Token>
  stopTexts: readonly string[]
  /** Tokens that end only a part of a turn, whatever the file says of them. */
  innerTokens: ReadonlySet<Token>
}

export interface Prompt extends TurnEnds {
  tokens: Token[]
  /** Null where the model marks no reasoning. `opened`: the prompt ends inside of it. */
  reasoning: { marks: ReasoningMarks; opened: boolean } | null
  /** The model's form of tool calls, when the request has tools. */
  calls?: { format: CallFormat; controlTokens: ReadonlySet<Token> }
}

type PromptRequest = Pick<GenerateRequest, 'input' | 'tools' | 'reasoningEffort'>

export class PromptRenderer {
  readonly #vocabulary: Vocabulary
  readonly #tokenizer: PromptTokenizer
  readonly #template: ChatTemplate | null
  readonly #reasoning: ReasoningMarks | null
  #toolChat: ToolChat | null = null
  #ends: TurnEnds | null = null

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary
    this.#tokenizer = new PromptTokenizer(vocabulary)
    this.#template = templateOf(vocabulary)
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
        ? toTokens(input.tokenIds, this.#vocabulary.size, 'the prompt')
        : this.#vocabulary.tokenize(input.prompt, { special: true })
    return { tokens: this.#withBos(tokens), ...NO_ENDS, reasoning: null }
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

  #promptOf({ spans, opened }: RenderedChat): Prompt {
    this.#ends ??= this.#findEnds()
    return {
      tokens: this.#withBos(this.#tokenizer.tokens(spans)),
      ...this.#ends,
      reasoning: this.#reasoningAfter(opened)
    }
  }

  /** One control token that ends a turn is enough; a text is the end only where there is none. */
  #findEnds(): TurnEnds {
    const template = this.#assertTemplate()
    const special = { special: true }
    const end = turnEndOf(template)
    const tokens = this.#vocabulary.tokenize(end, special)
    const innerTokens = new Set(this.#vocabulary.tokenize(innerTextOf(template), special))
    const isEnd = (token: Token) => this.#vocabulary.isEog(token) && !innerTokens.has(token)
    if (tokens.some(isEnd)) return { ...NO_ENDS, innerTokens }
    const control = tokens.findLast((token) => this.#vocabulary.isControl(token))
    if (control !== undefined) return { ...NO_ENDS, innerTokens, stopTokens: new Set([control]) }
    return { ...NO_ENDS, innerTokens, stopTexts: end.trim() === '' ? [] : [end.trimEnd()] }
  }

  #withoutEnd(text: string): string {
    const isEnd = (token: Token) => this.#vocabulary.isEog(token)
    const end = this.#vocabulary.tokenize(text, { special: true }).find(isEnd)
    const mark = end === undefined ? '' : this.#vocabulary.detokenize([end], { special: true })
    return mark === '' ? text : (text.split(mark, 1)[0] ?? '')
  }

  /** Control tokens of the format, which the text of an answer must keep here. */
  #controlTokensIn({ begin, middle, between, end }: CallFormat): ReadonlySet<Token> {
    const tokens = [begin, middle, between ?? '', end].flatMap((text) =>
      this.#vocabulary.tokenize(text, { special: true })
    )
    const isHidden = (token: Token) => this.#vocabulary.detokenize([token]) === ''
    return new Set(tokens.filter((token) => isHidden(token) && !this.#vocabulary.isEog(token)))
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
    const { bos, prependsBos } = this.#vocabulary
    return prependsBos && bos !== null && tokens[0] !== bos.id ? [bos.id, ...tokens] : tokens
  }
}

const NO_ENDS: TurnEnds = { stopTokens: new Set(), innerTokens: new Set(), stopTexts: [] }

/** Returns null when the file has no template, or one that cannot be read. */
function templateOf(vocabulary: Vocabulary): ChatTemplate | null {
  const source = vocabulary.metadata('tokenizer.chat_template')
  if (source === null || source.trim() === '') return null
  const { bos, eos } = vocabulary
  try {
    return new ChatTemplate({
      source,
      toolSource: vocabulary.metadata('tokenizer.chat_template.tool_use'),
      bosText: bos?.text ?? '',
      eosText: eos?.text ?? ''
    })
  } catch (error) {
    console.error(`chat template refused: ${String(error)}`)
    return null
  }
}
