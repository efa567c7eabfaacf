/**
 * Turns the caller's input into the tokens that the model reads. In `chat` mode the text around the
 * messages is the template in the model's file and nothing else; in `direct` mode there is none.
 * What a message spells stays text: `<|im_end|>` in it is no control token.
 */
import type { GenerateRequest } from '../../../engine.ts'
import { unsupported } from '../../../errors.ts'
import type { ChatTemplate, RenderedChat } from './chat-template.ts'
import { chooseTemplate } from './choose-template.ts'
import { toTokens } from '../tokens.ts'
import { chatFormatOf } from './chat-format.ts'
import { EffortVariables } from './effort.ts'
import { plainFormat } from '../format/find-format.ts'
import { Marks } from '../format/marks.ts'
import type { BoundFormat, OutputFormat, PromptThought } from '../format/output-format.ts'
import { PromptTokenizer } from './prompt-tokens.ts'
import type { Token, Vocabulary } from '../vocabulary.ts'
import { withToolText } from './tool-text.ts'
import { turnEndOf } from './turn-end.ts'
import type { ChatMessage } from '#shared/contracts/inference/chat.ts'
import type { InferenceInput } from '#shared/contracts/inference/request.ts'
import { HaifError } from '#shared/errors.ts'

/** What ends an answer, besides the model's own end tokens. */
interface TurnEnds {
  stopTokens: ReadonlySet<Token>
  stopTexts: readonly string[]
}

export interface Prompt extends TurnEnds {
  tokens: Token[]
  /** How the answer is written, and whether the prompt has begun it with a thought. */
  output: { format: BoundFormat; marks: Marks; thought: PromptThought }
}

type PromptRequest = Pick<
  GenerateRequest,
  'input' | 'tools' | 'reasoningEffort' | 'templateVariables'
>

interface PromptRendererOptions {
  /** A file, or the name of a template, in place of the one in the model's file. */
  chatTemplate?: string
  /** False: a model whose template has no place for tools gets none. */
  toolsAsText?: boolean
}

export class PromptRenderer {
  /** What the owner of the model should know of its template. */
  readonly notice: string | null
  readonly #vocabulary: Vocabulary
  readonly #tokenizer: PromptTokenizer
  readonly #template: ChatTemplate | null
  readonly #effort: EffortVariables | null
  readonly #format: OutputFormat
  readonly #marks: Marks
  readonly #bound: BoundFormat
  readonly #plain: BoundFormat
  /** How a call is written, for a text that describes the tools; null: the template has a place. */
  readonly #example: string | null
  #ends: TurnEnds | null = null

  /** Throws where the chosen template cannot be used. */
  constructor(
    vocabulary: Vocabulary,
    { chatTemplate, toolsAsText = true }: PromptRendererOptions = {}
  ) {
    this.#vocabulary = vocabulary
    this.#tokenizer = new PromptTokenizer(vocabulary)
    const { template, notice } = chooseTemplate(vocabulary, chatTemplate)
    this.#template = template
    this.notice = notice
    this.#effort = this.#template === null ? null : new EffortVariables(this.#template)
    const { format, example } =
      this.#template === null
        ? { format: plainFormat, example: null }
        : chatFormatOf(this.#template, vocabulary, toolsAsText)
    this.#format = format
    this.#example = example
    this.#marks = new Marks(vocabulary)
    this.#bound = this.#format.bind(this.#marks)
    this.#plain = plainFormat.bind(this.#marks)
  }

  /** True when the model marks its reasoning. */
  get hasReasoning(): boolean {
    return this.#format.reasons
  }

  /** True when the template has a place for tools, and a known form of calls. */
  get hasTools(): boolean {
    return this.#format.calls
  }

  get hasTemplate(): boolean {
    return this.#template !== null
  }

  render(request: PromptRequest): Prompt {
    const { input, tools } = request
    if (input.mode === 'chat') return this.#renderChat(request, input.messages)
    if (tools !== undefined) throw unsupported('tools', 'tools need `messages`: a prompt has none')
    return this.#renderPrompt(input)
  }

  #renderPrompt(input: Exclude<InferenceInput, { mode: 'chat' }>): Prompt {
    // The text may spell control tokens, as in completion APIs: a raw prompt may need them.
    // Token ids are all of the prompt: who counts in them counts what was sent.
    const tokens =
      input.mode === 'tokens'
        ? toTokens(input.tokenIds, this.#vocabulary.size, 'the prompt')
        : this.#withBos(this.#vocabulary.tokenize(input.prompt, { special: true }))
    const output = { format: this.#plain, marks: this.#marks, thought: 'over' as const }
    return { tokens, ...NO_ENDS, output }
  }

  #renderChat(
    { tools, reasoningEffort, templateVariables }: PromptRequest,
    messages: readonly ChatMessage[]
  ): Prompt {
    const template = this.#assertTemplate()
    if (tools !== undefined) this.#assertTools()
    const effort = reasoningEffort === undefined ? {} : this.#effort?.of(reasoningEffort)
    const variables = { ...effort, ...templateVariables }
    if (tools === undefined) return this.#promptOf(template.render({ messages, variables }))
    const chat =
      this.#example === null
        ? { messages, tools }
        : { messages: withToolText(messages, tools, this.#example) }
    return this.#promptOf(template.render({ ...chat, variables }))
  }

  #assertTools(): void {
    if (this.#format.calls) return
    throw unsupported(
      'tools',
      "the model's chat template has no place for tools, or writes calls in an unknown form: " +
        'choose a model that can use tools'
    )
  }

  #promptOf({ spans, opened }: RenderedChat): Prompt {
    this.#ends ??= this.#findEnds()
    return {
      tokens: this.#withBos(this.#tokenizer.tokens(spans)),
      ...this.#ends,
      output: {
        format: this.#bound,
        marks: this.#marks,
        thought: this.#bound.thoughtAt(opened)
      }
    }
  }

  /** The first control token after an answer is enough; a text is the end where there is none. */
  #findEnds(): TurnEnds {
    const end = turnEndOf(this.#assertTemplate())
    const tokens = this.#vocabulary.tokenize(end, { special: true })
    if (tokens.some((token) => this.#vocabulary.isEog(token))) return NO_ENDS
    const control = tokens.find((token) => this.#vocabulary.isControl(token))
    if (control !== undefined) return { ...NO_ENDS, stopTokens: new Set([control]) }
    return { ...NO_ENDS, stopTexts: end.trim() === '' ? [] : [end.trimEnd()] }
  }

  #assertTemplate(): ChatTemplate {
    if (this.#template !== null) return this.#template
    throw new HaifError(
      'UNSUPPORTED_PARAMETER',
      `${this.notice ?? 'the model has no chat template'}: ` +
        'send a `prompt` with mode `direct` instead of `messages`'
    )
  }

  #withBos(tokens: Token[]): Token[] {
    const { bos, prependsBos } = this.#vocabulary
    return prependsBos && bos !== null && tokens[0] !== bos.id ? [bos.id, ...tokens] : tokens
  }
}

const NO_ENDS: TurnEnds = { stopTokens: new Set(), stopTexts: [] }
