/**
 * The tool calls of one answer: read out of its text, and kept to their form by a grammar from the
 * place on where a call is certain. Whoever resumes the answer gives it the same tokens and has the
 * same state, also in the middle of a call.
 */
import { createHash } from 'node:crypto'
import type { Tool, ToolChoice } from '#shared/contracts/inference/chat.ts'
import type { ToolCallDelta } from '#shared/contracts/inference/answer.ts'
import { HaifError } from '#shared/errors.ts'
import type { JsonGrammars } from './json-grammar.ts'
import type { GrammarState } from '../grammar.ts'
import type { CallFormat } from '../prompt/call-format.ts'
import type { Token } from '../vocabulary.ts'
import { callGrammar, type CallableTool } from './call-grammar.ts'
import { CallReader } from './call-reader.ts'

interface ToolCallsOptions {
  format: CallFormat
  tools: readonly Tool[]
  choice: ToolChoice
  parallel: boolean
  grammars: JsonGrammars
  /** The ids of calls follow from it, so that they are the same wherever the answer is resumed. */
  promptTokens: readonly Token[]
}

export class ToolCalls {
  readonly #reader: CallReader
  readonly #options: ToolCallsOptions
  readonly #callable: readonly CallableTool[]
  readonly #required: boolean
  #grammar: GrammarState | undefined
  #mayCall = false

  /** Throws when the tools are invalid. */
  constructor(options: ToolCallsOptions) {
    const { format, parallel, promptTokens, grammars } = options
    this.#options = options
    this.#required = options.choice !== 'auto'
    this.#callable = chosen(options).map((tool) => {
      return { name: tool.name, argumentsGrammar: grammars.argumentsOf(tool) }
    })
    const idOf = callIds(promptTokens)
    this.#reader = new CallReader({ format, required: this.#required, parallel, idOf })
    this.#compile('') // an impossible grammar is refused before the first token
  }

  /** The grammar of the next token; undefined while any token fits. */
  get grammar(): GrammarState | undefined {
    if (this.#required && this.#mayCall) this.#begin()
    return this.#grammar
  }

  get hasCalls(): boolean {
    return this.#reader.calls > 0
  }

  get isDone(): boolean {
    return this.#reader.isDone
  }

  /** Called when the reasoning before the answer is over, or when there is none. */
  begin(): void {
    this.#mayCall = true
  }

  /** Takes text of the answer and returns the part that belongs to no call. */
  push(text: string): string {
    const outside = this.#reader.push(text)
    if (this.#mayCall) this.#begin()
    return outside
  }

  flush(): string {
    return this.#reader.flush()
  }

  takeDeltas(): ToolCallDelta[] {
    return this.#reader.takeDeltas()
  }

  /** Takes a token of a resumed answer, which was drawn under this grammar elsewhere. */
  replay(grammar: GrammarState, token: Token): void {
    this.#options.grammars.accept(grammar, token, 'tools')
  }

  /** A call that is noticed only beyond its beginning gets no grammar: it is read as it is. */
  #begin(): void {
    const { begun } = this.#reader
    if (begun !== null) this.#grammar ??= this.#compile(begun)
  }

  #compile(begun: string): GrammarState {
    const { format, parallel, grammars } = this.#options
    return grammars.stateOf(callGrammar({ format, tools: this.#callable, parallel, begun }))
  }
}

function chosen({ tools, choice }: ToolCallsOptions): readonly Tool[] {
  if (typeof choice === 'string') return tools
  const named = tools.filter(({ name }) => name === choice.name)
  if (named.length > 0) return named
  throw new HaifError(
    'VALIDATION_FAILED',
    `toolChoice names ${choice.name}, which is not among the tools`,
    { details: { param: 'toolChoice' } }
  )
}

function callIds(promptTokens: readonly Token[]): (index: number) => string {
  const prompt = createHash('sha256').update(Uint32Array.from(promptTokens)).digest()
  return (index) => {
    const hash = createHash('sha256').update(prompt).update(String(index)).digest('hex')
    return `call_${hash.slice(0, ID_DIGITS)}`
  }
}

const ID_DIGITS = 24
