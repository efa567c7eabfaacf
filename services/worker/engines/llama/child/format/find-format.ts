/**
 * The format of a model, found from its template and its vocabulary: a family whose form no example
 * shows is recognised by its marks; for all others examples are rendered.
 */
import type { Vocabulary } from '../vocabulary.ts'
import { findCalls, type RenderProbe } from './find-calls.ts'
import { harmony } from './harmony.ts'
import { markedFormat } from './marked-format.ts'
import type { CallSyntax, OutputFormat } from './output-format.ts'
import { recipients } from './recipients.ts'
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

/** Families whose calls are not JSON, each with the marks in a template that show it. */
const FAMILIES: readonly { marks: readonly string[]; calls: CallSyntax }[] = []

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
  const thoughts = thoughtMarks(source)
  return markedFormat({
    name: 'marked',
    reasons: thoughts.length > 0,
    // A model may think without a word of it in its template.
    thoughts: thoughts.length > 0 ? thoughts : [USUAL_MARKS],
    content: answerMarks(source),
    calls: callsOf(source) ?? findCalls(render, (text) => withoutEnd(text, vocabulary)) ?? otherwise
  })
}

const RECIPIENT_MARK = "'>>>all"
const HARMONY_MARKS = ['<|start|>', '<|channel|>', '<|message|>']

function callsOf(source: string): CallSyntax | null {
  return FAMILIES.find(({ marks }) => marks.every((mark) => source.includes(mark)))?.calls ?? null
}

/** A text up to the mark that ends a turn. */
function withoutEnd(text: string, vocabulary: FormatVocabulary): string {
  const tokens = vocabulary.tokenize(text, { special: true })
  const end = tokens.find((token) => vocabulary.isEog(token))
  const mark = end === undefined ? '' : vocabulary.detokenize([end], { special: true })
  return mark === '' ? text : (text.split(mark, 1)[0] ?? '')
}
