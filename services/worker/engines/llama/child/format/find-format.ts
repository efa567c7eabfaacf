/**
 * The format of a model, found from its template and its vocabulary: a family whose form no example
 * shows is recognised by its marks; for all others examples are rendered.
 */
import type { ChatMessage } from '#shared/contracts/inference/chat.ts'
import type { Vocabulary } from '../vocabulary.ts'
import { FAMILY_CALLS } from './family-calls.ts'
import { findCalls } from './find-calls.ts'
import { findTagged } from './find-tagged.ts'
import { addressed } from './messages/addressed.ts'
import { harmony } from './messages/harmony.ts'
import { markedFormat } from './marked-format.ts'
import type { CallSyntax, OutputFormat } from './output-format.ts'
import { attempt, type RenderProbe } from './probe.ts'
import { recipients } from './messages/recipients.ts'
import { answerMarks, thoughtMarks, USUAL_MARKS } from './thought-marks.ts'

interface FormatSource {
  /** The template's text. */
  source: string
  /** Renders past messages with tools; throws where the template does. */
  render: RenderProbe
  /** Calls of a model whose template shows none. */
  otherwise: CallSyntax | null
}

type FormatVocabulary = Pick<Vocabulary, 'tokenize' | 'detokenize' | 'isEog'>

/** What a prompt without a template is answered with: text and nothing else. */
export const plainFormat: OutputFormat = markedFormat({
  name: 'plain',
  reasons: false,
  thoughts: [],
  calls: null
})

export function findFormat(
  { source, render, otherwise }: FormatSource,
  vocabulary: FormatVocabulary
): OutputFormat {
  const isToken = (mark: string) => vocabulary.tokenize(mark, { special: true }).length === 1
  if (HARMONY_MARKS.every((mark) => source.includes(mark) && isToken(mark))) return harmony
  if (source.includes(RECIPIENT_MARK)) return recipients
  if (source.includes(ADDRESSED_MARK)) return addressed
  // Some templates put a mark together, so that only its rendering shows it.
  const shown = source + (attempt(() => render(THOUGHT)) ?? '')
  const thoughts = thoughtMarks(shown)
  const cutEnd = (text: string) => withoutEnd(text, vocabulary)
  return markedFormat({
    name: 'marked',
    reasons: thoughts.length > 0,
    // A model may think without a word of it in its template.
    thoughts: thoughts.length > 0 ? thoughts : [USUAL_MARKS],
    content: answerMarks(shown),
    calls: callsOf(source) ?? findCalls(render, cutEnd) ?? findTagged(render, cutEnd) ?? otherwise
  })
}

const RECIPIENT_MARK = "'>>>all"
const ADDRESSED_MARK = '<atem:function_calls>'
const THOUGHT: readonly ChatMessage[] = [
  { role: 'user', content: 'x' },
  { role: 'assistant', content: 'x', reasoning: 'x' }
]

/** They are tokens, but no control tokens: llama.cpp makes them text when it loads gpt-oss. */
const HARMONY_MARKS = ['<|start|>', '<|channel|>', '<|message|>']

function callsOf(source: string): CallSyntax | null {
  const isIn = (mark: string) => source.includes(mark)
  return FAMILY_CALLS.find(({ marks }) => marks.every(isIn))?.calls ?? null
}

/** A text up to the mark that ends a turn. */
function withoutEnd(text: string, vocabulary: FormatVocabulary): string {
  const tokens = vocabulary.tokenize(text, { special: true })
  const end = tokens.find((token) => vocabulary.isEog(token))
  const mark = end === undefined ? '' : vocabulary.detokenize([end], { special: true })
  return mark === '' ? text : (text.split(mark, 1)[0] ?? '')
}
