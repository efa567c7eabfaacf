/**
 * Reads the output of a model as the engine does, without a model: the vocabulary has the 256
 * bytes, the control tokens of a family, and its marks that are single tokens but text.
 */
import { Answer } from '../../../services/worker/engines/llama/child/answer/answer.ts'
import {
  AnswerParts,
  type AnswerPartsOptions
} from '../../../services/worker/engines/llama/child/answer/answer-parts.ts'
import { Marks } from '../../../services/worker/engines/llama/child/format/marks.ts'
import type {
  BoundFormat,
  OutputFormat
} from '../../../services/worker/engines/llama/child/format/output-format.ts'
import type { Token, Vocabulary } from '../../../services/worker/engines/llama/child/vocabulary.ts'
import type { FinishReason } from '../../../shared/contracts/inference/answer.ts'
import type { Tool, ToolCall } from '../../../shared/contracts/inference/chat.ts'
import { addToCalls } from '../../../shared/inference/failover/sent-tokens.ts'

interface ByteVocabularyOptions {
  control?: readonly string[]
  /** Single tokens that are text. */
  tokens?: readonly string[]
  /** Of the control tokens: those that end an answer. */
  ends?: readonly string[]
}

export function byteVocabulary({
  control = [],
  tokens = [],
  ends = []
}: ByteVocabularyOptions): Vocabulary {
  const marks = [...control, ...tokens]
  const isControl = (token: Token) => token >= 256 && token < 256 + control.length
  const isEog = (token: Token) => isControl(token) && ends.includes(control[token - 256]!)
  const bytesOf = (token: Token, special: boolean) => {
    if (token < 256) return Buffer.from([token])
    return Buffer.from(isControl(token) && !special ? '' : marks[token - 256]!)
  }
  return {
    size: 256 + marks.length,
    bos: null,
    eos: null,
    prependsBos: false,
    tokenize: (text, { special = false } = {}) => {
      const known = special ? marks : tokens
      return splitBy(text, known).flatMap((piece) => {
        const at = known.includes(piece) ? marks.indexOf(piece) : -1
        return (at === -1 ? [...Buffer.from(piece)] : [256 + at]) as Token[]
      })
    },
    detokenize: (ids, { special = false } = {}) =>
      Buffer.concat(ids.map((id) => bytesOf(id, special))).toString('utf8'),
    isEog,
    isControl,
    metadata: () => null
  }
}

function splitBy(text: string, marks: readonly string[]): string[] {
  if (marks.length === 0) return [text]
  const byLength = marks.toSorted((a, b) => b.length - a.length)
  const escaped = byLength.map((mark) => RegExp.escape(mark))
  return text.split(new RegExp(`(${escaped.join('|')})`)).filter((piece) => piece !== '')
}

interface ReadOutput {
  content: string
  reasoning: string
  calls: ToolCall[]
  finishReason: FinishReason | null
  reasoningTokens: number
  /** Tokens that were taken before the answer was over. */
  taken: number
}

interface ReadingOptions extends Partial<
  Pick<AnswerPartsOptions, 'thought' | 'parallel' | 'forced' | 'grammars'>
> {
  format: OutputFormat
  vocabulary: Vocabulary
  tools?: readonly Tool[] | null
}

/** Nothing fits this grammar, so it lets go at once and the reader alone decides. */
const NO_GRAMMAR = {
  compile: () => ({ begin: () => ({ allows: () => false, accept: () => {} }) })
}

/** Rules that nobody follows need not be written. */
function withoutRules(format: BoundFormat): BoundFormat {
  return {
    read: (input, to, options) => format.read(input, to, options),
    thoughtAt: (promptEnd) => format.thoughtAt(promptEnd),
    thoughtRule: () => null,
    thoughtEndRule: () => null,
    afterThoughtRule: () => '',
    contentRule: () => '',
    callsRule: () => '""',
    written: (said) => format.written(said)
  }
}

/** A format is bound once to a vocabulary, as in the engine. */
function bound({ format, vocabulary }: ReadingOptions): { format: BoundFormat; marks: Marks } {
  const known = BOUND.get(format)
  if (known?.vocabulary === vocabulary) return known
  const marks = new Marks(vocabulary)
  const made = { vocabulary, marks, format: format.bind(marks) }
  BOUND.set(format, made)
  return made
}

const BOUND = new WeakMap<
  OutputFormat,
  { vocabulary: Vocabulary; format: BoundFormat; marks: Marks }
>()

function answerParts({ format: given, vocabulary, tools = null, ...more }: ReadingOptions) {
  const { format, marks } = bound({ format: given, vocabulary })
  const grammar = { argumentsGrammar: 'root ::= "{}"', argumentRules: () => null }
  const callable = tools?.map((tool) => ({ ...tool, ...grammar })) ?? null
  const parts = new AnswerParts({
    format: more.grammars === undefined ? withoutRules(format) : format,
    marks,
    grammars: NO_GRAMMAR,
    isEnd: (token) => vocabulary.isEog(token),
    thought: 'free',
    tools: callable,
    parallel: true,
    forced: null,
    promptTokens: [],
    ...more
  })
  return { parts, marks }
}

interface Feeding {
  maxTokens?: number
  /** Called with each token and the content that came with it. */
  onToken?: (token: string, content: string) => void
}

/** Feeds the output token by token, as the engine does. */
export function readOutput(
  output: string,
  { maxTokens = 1_000_000, onToken = () => {}, ...options }: ReadingOptions & Feeding
): ReadOutput {
  const { parts } = answerParts(options)
  const { vocabulary } = options
  const answer = new Answer({
    promptTokens: [],
    maxTokens,
    contextTokens: 1_000_000,
    stopTexts: [],
    isEnd: (token) => vocabulary.isEog(token),
    detokenize: (tokens) => vocabulary.detokenize(tokens),
    parts
  })
  const read = { content: '', reasoning: '', calls: [] as ToolCall[] }
  let taken = 0
  for (const token of vocabulary.tokenize(output, { special: true })) {
    if (answer.finishReason !== null) break
    taken++
    const content = answer.push(token)
    read.content += content
    onToken(vocabulary.detokenize([token], { special: true }), content)
    read.reasoning += answer.takeReasoning()
    for (const delta of answer.takeToolCalls()) addToCalls(read.calls, delta)
  }
  const { finishReason, reasoningTokens } = answer
  if (finishReason === null) {
    read.content += parts.flush()
    read.reasoning += parts.takeThought()
    for (const delta of parts.takeDeltas()) addToCalls(read.calls, delta)
  }
  return { ...read, finishReason, reasoningTokens, taken }
}

/** Reads the output in two pieces, cut before the character `at`. */
export function readCut(output: string, at: number, options: ReadingOptions) {
  const { parts, marks } = answerParts(options)
  const text = marks.read(options.vocabulary.tokenize(output, { special: true }), [])
  const content = parts.push(text.slice(0, at)) + parts.push(text.slice(at)) + parts.flush()
  const calls: ToolCall[] = []
  for (const delta of parts.takeDeltas()) addToCalls(calls, delta)
  return { content, reasoning: parts.takeThought(), calls, length: text.length }
}
