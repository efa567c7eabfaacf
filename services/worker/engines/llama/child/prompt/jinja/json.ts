/** `tojson` as `transformers` sets it up: Python's `json.dumps` without escapes for HTML. */
import { ArgumentReader } from './arguments.ts'
import { concat, isStr, mapSpans, raw, type Str } from './text.ts'
import {
  compare,
  Dict,
  isNumber,
  List,
  NONE,
  numberText,
  repr,
  TemplateError,
  typeName,
  Undefined,
  type Given,
  type Value
} from './values.ts'

interface JsonForm {
  ensureAscii: boolean
  /** The text of one level; null writes everything on one line. */
  indent: string | null
  item: string
  key: string
  sortKeys: boolean
}

export function toJson(value: Value, given: Given): Str {
  const read = new ArgumentReader(given, 'tojson')
  const indent = indentOf(read.get(1, 'indent'))
  const [item, key] = separatorsOf(read.get(2, 'separators'), indent)
  const form: JsonForm = {
    ensureAscii: read.flag(0, 'ensure_ascii'),
    indent,
    item,
    key,
    sortKeys: read.flag(3, 'sort_keys')
  }
  return write(value, form, '\n')
}

function indentOf(value: Value | undefined): string | null {
  if (value === undefined || value === NONE) return null
  if (isStr(value)) return raw(value)
  if (typeof value === 'number') return ' '.repeat(Math.min(Math.max(value, 0), INDENT_MAX))
  throw new TemplateError('tojson: indent must be a number')
}

const INDENT_MAX = 64

function separatorsOf(value: Value | undefined, indent: string | null): [string, string] {
  if (value instanceof List) {
    const [item, key] = value.items
    if (isStr(item) && isStr(key)) return [raw(item), raw(key)]
  }
  return [indent === null ? ', ' : ',', ': ']
}

function write(value: Value, form: JsonForm, lineStart: string): Str {
  if (isStr(value)) return textOf(value, form)
  if (value === NONE || value instanceof Undefined) return 'null'
  if (typeof value === 'boolean') return String(value)
  if (isNumber(value)) return jsonNumber(numberText(value))
  if (value instanceof List) {
    const items = value.items.map((item) => write(item, form, next(form, lineStart)))
    return bracketed('[', items, ']', form, lineStart)
  }
  if (!(value instanceof Dict)) {
    throw new TemplateError(`Object of type ${typeName(value)} is not JSON serializable`)
  }
  const entries = value.entries()
  if (form.sortKeys) entries.sort(([a], [b]) => compare(a, b))
  const items = entries.map(([key, each]) => {
    const name = textOf(keyText(key), form)
    return concat([name, form.key, write(each, form, next(form, lineStart))])
  })
  return bracketed('{', items, '}', form, lineStart)
}

const next = ({ indent }: JsonForm, lineStart: string) => lineStart + (indent ?? '')

function bracketed(
  open: string,
  items: readonly Str[],
  close: string,
  form: JsonForm,
  lineStart: string
): Str {
  if (items.length === 0) return open + close
  const lines = form.indent === null ? ['', ''] : [next(form, lineStart), lineStart]
  const parts = items.flatMap((item, i) => (i === 0 ? [item] : [form.item + lines[0], item]))
  return concat([open + lines[0], ...parts, lines[1] + close])
}

const jsonNumber = (text: string): string =>
  ({ nan: 'NaN', inf: 'Infinity', '-inf': '-Infinity' })[text] ?? text

function keyText(key: Value): Str {
  if (isStr(key)) return key
  if (typeof key === 'boolean') return String(key)
  return key === NONE ? 'null' : repr(key)
}

/** An escape belongs to whoever wrote the character, so the caller's text stays the caller's. */
function textOf(text: Str, { ensureAscii }: JsonForm): Str {
  const escaped = mapSpans(text, (part) => {
    const plain = part.replace(ESCAPED, (character) => ESCAPES[character] ?? u(character))
    return ensureAscii ? plain.replace(/[\u007F-\uFFFF]/g, u) : plain
  })
  return concat(['"', escaped, '"'])
}

const ESCAPED = new RegExp(String.raw`["\\\u0000-\u001F]`, 'g')

const u = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\f': '\\f',
  '\b': '\\b'
}
