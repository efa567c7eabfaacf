/** The grammar of one or several tool calls in a model's own format. */
import { ID_CHARACTER, type CallFormat } from '../prompt/call-format.ts'

export interface CallableTool {
  name: string
  /** A grammar whose root is the JSON of the arguments. */
  argumentsGrammar: string
}

interface CallGrammarOptions {
  format: CallFormat
  tools: readonly CallableTool[]
  parallel: boolean
  /** The part of the first call's beginning that is written already. */
  begun: string
}

export function callGrammar({ format, tools, parallel, begun }: CallGrammarOptions): string {
  const { begin, middle, between, end } = format
  const call = tools.map(({ name }, i) => sequence(literal(name), literal(middle), `tool${i}-root`))
  const more = parallel && between !== null ? `( ${sequence(literal(between), 'call')} )*` : ''
  return [
    `root ::= ${sequence(literal(begin.slice(begun.length)), 'call', more, literal(end))}`,
    `call ::= ${call.join(' | ')}`,
    ...tools.map((tool, i) => prefixed(tool.argumentsGrammar, `tool${i}-`))
  ].join('\n')
}

const sequence = (...parts: string[]) => parts.filter((part) => part !== '').join(' ')

function literal(text: string): string {
  return text
    .split(new RegExp(`(${ID_CHARACTER}+)`, 'u'))
    .filter((part) => part !== '')
    .map((part) => (part[0] === ID_CHARACTER ? `[a-zA-Z0-9]{${part.length}}` : quoted(part)))
    .join(' ')
}

const ESCAPES: Record<string, string> = {
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '"': '\\"',
  '\\': '\\\\'
}
const quoted = (text: string) => `"${text.replace(/[\n\r\t"\\]/g, (each) => ESCAPES[each] ?? '')}"`

/** Rules of several grammars in one need names of their own; texts and character classes stay. */
function prefixed(grammar: string, prefix: string): string {
  const words = /"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|\{[^}]*\}|[a-zA-Z][a-zA-Z0-9-]*/g
  return grammar.replace(words, (word) => (/^[a-zA-Z]/.test(word) ? prefix + word : word))
}
