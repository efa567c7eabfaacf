/** Jinja2's filters of texts and numbers. On an undefined value they work as on an empty text. */
import { ArgumentReader } from './arguments.ts'
import { formatPercent } from './format.ts'
import { toJson } from './json.ts'
import { LIST_FILTERS, type Filter, type FilterContext } from './list-filters.ts'
import { capitalized, withCase } from './methods.ts'
import { attributeOf, itemsOf } from './operators.ts'
import {
  concat,
  escaped,
  isStr,
  lengthOf,
  mapSpans,
  raw,
  replace,
  Safe,
  slice,
  split,
  strip,
  type Str
} from './text.ts'
import {
  Dict,
  float,
  isFloat,
  isNumber,
  isTrue,
  List,
  numberOf,
  repr,
  TemplateError,
  textOfValue,
  typeName,
  Undefined,
  type Given,
  type Value
} from './values.ts'

/** Throws for an unknown filter. */
export function applyFilter(
  name: string,
  value: Value,
  given: Given,
  context: FilterContext
): Value {
  const filter = FILTERS.get(name) ?? LIST_FILTERS.get(name)
  if (filter === undefined) throw new TemplateError(`no filter named '${name}'`)
  return filter(value, new ArgumentReader(given, name), { given, context })
}

const ofText =
  (change: (text: Str, read: ArgumentReader) => Value): Filter =>
  (value, read) =>
    change(textOfValue(value), read)

const FILTERS: ReadonlyMap<string, Filter> = new Map<string, Filter>([
  ['string', ofText((text) => text)],
  ['safe', ofText((text) => new Safe([text]))],
  ['upper', ofText((text) => withCase(text, (part) => part.toUpperCase()))],
  ['lower', ofText((text) => withCase(text, (part) => part.toLowerCase()))],
  ['capitalize', ofText((text) => withCase(text, capitalized))],
  ['title', ofText((text) => withCase(text, titleOf))],
  ['trim', ofText((text, read) => strip(text, 'both', read.optionalText(0, 'chars')))],
  [
    'replace',
    ofText((text, read) => {
      const most = read.integer(2, 'count', -1)
      const [from, to] = [textOfValue(read.value(0, 'old')), textOfValue(read.value(1, 'new'))]
      return replace(text, from, to, most < 0 ? Infinity : most)
    })
  ],
  ['indent', ofText(indented)],
  ['truncate', ofText(truncated)],
  ['center', ofText(centered)],
  ['wordcount', ofText((text) => raw(text).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0)],
  ['escape', ofText(escaped)],
  ['e', ofText(escaped)],
  ['forceescape', ofText((text) => escaped(concat([text])))],
  ['urlencode', ofText((text) => mapSpans(text, encodeURIComponent))],
  ['striptags', ofText((text) => strip(replaced(text, /<!--[^]*?-->|<[^>]*>/g), 'both'))],
  ['format', (value, _read, { given }) => formatPercent(textOfValue(value), tuple(given.args))],
  ['pprint', (value) => repr(value)],
  ['tojson', (value, _read, { given }) => toJson(value, given)],
  ['default', defaultOf],
  ['d', defaultOf],
  ['attr', (value, read) => attributeOf(value, raw(read.text(0, 'name')))],
  ['abs', (value) => absolute(value)],
  ['int', toInteger],
  ['float', (value, read) => toFloat(value) ?? read.get(0, 'default') ?? float(0)],
  ['round', rounded],
  ['items', (value) => pairsOf(value)]
])

const tuple = (items: readonly Value[]) => new List([...items], true)

const titleOf = (text: string) =>
  text.replace(
    /[^-\s({[<]+/g,
    (word) => (word[0] ?? '').toUpperCase() + word.slice(1).toLowerCase()
  )

function replaced(text: Str, pattern: RegExp): Str {
  return mapSpans(text, (part) => part.replace(pattern, ''))
}

function indented(text: Str, read: ArgumentReader): Str {
  const width = read.get(0, 'width') ?? 4
  const indent = isStr(width) ? width : ' '.repeat(Math.min(read.integer(0, 'width', 4), 1000))
  const withBlank = read.flag(2, 'blank')
  const lines = split(text, '\n')
  const parts = lines.map((line, i) => {
    const isFilled = i > 0 && (withBlank || raw(line) !== '')
    return concat([i === 0 ? '' : '\n', isFilled ? indent : '', line])
  })
  return concat(read.flag(1, 'first') ? [indent, ...parts] : parts)
}

function truncated(text: Str, read: ArgumentReader): Str {
  const length = read.integer(0, 'length', 255)
  const end = read.optionalText(2, 'end') ?? '...'
  if (lengthOf(text) <= length + read.integer(3, 'leeway', 5)) return text
  const cut = slice(text, 0, Math.max(0, length - end.length))
  if (read.flag(1, 'killwords')) return concat([cut, end])
  const space = raw(cut).lastIndexOf(' ')
  return concat([space === -1 ? cut : slice(cut, 0, space), end])
}

function centered(text: Str, read: ArgumentReader): Str {
  const room = Math.max(0, Math.min(read.integer(0, 'width', 80), 10_000) - lengthOf(text))
  const left = Math.floor(room / 2)
  return concat([' '.repeat(left), text, ' '.repeat(room - left)])
}

function defaultOf(value: Value, read: ArgumentReader): Value {
  const isMissing = value instanceof Undefined || (read.flag(1, 'boolean') && !isTrue(value))
  return isMissing ? (read.get(0, 'default_value') ?? '') : value
}

function absolute(value: Value): Value {
  if (typeof value === 'bigint') return value < 0n ? -value : value
  if (!isNumber(value)) throw new TemplateError(`bad operand type for abs(): ${typeName(value)}`)
  return isFloat(value) ? float(Math.abs(numberOf(value))) : Math.abs(numberOf(value))
}

function toInteger(value: Value, read: ArgumentReader): Value {
  const base = read.integer(1, 'base', 10)
  if (isStr(value) && base !== 10) {
    const number = parseInt(raw(value), base)
    return Number.isNaN(number) ? read.integer(0, 'default', 0) : number
  }
  if (typeof value === 'bigint') return value
  const number = toFloat(value)
  return number === null || !Number.isFinite(numberOf(number))
    ? read.integer(0, 'default', 0)
    : Math.trunc(numberOf(number))
}

function toFloat(value: Value) {
  if (isNumber(value) || typeof value === 'boolean') return float(numberOf(value))
  if (!isStr(value)) return null
  const text = raw(value).trim()
  return /^[-+]?(\d[\d_]*\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text)
    ? float(Number(text.replaceAll('_', '')))
    : null
}

function rounded(value: Value, read: ArgumentReader): Value {
  const number = toFloat(value)
  if (number === null) throw new TemplateError(`round() needs a number, not ${typeName(value)}`)
  const scale = 10 ** read.integer(0, 'precision', 0)
  const scaled = numberOf(number) * scale
  const method = read.optionalText(1, 'method') ?? 'common'
  if (method === 'ceil') return float(Math.ceil(scaled) / scale)
  if (method === 'floor') return float(Math.floor(scaled) / scale)
  return float(halfToEven(scaled) / scale)
}

function halfToEven(value: number): number {
  const down = Math.floor(value)
  if (value - down !== 0.5) return Math.round(value)
  return down % 2 === 0 ? down : down + 1
}

function pairsOf(value: Value): Value {
  if (value instanceof Undefined) return new List([])
  if (!(value instanceof Dict)) throw new TemplateError('Can only get item pairs from a mapping.')
  return new List(itemsOf(value).map((key) => tuple([key, value.get(key)!])))
}
