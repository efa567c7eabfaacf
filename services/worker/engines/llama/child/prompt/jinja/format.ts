/** Python's `'%s' % x` and `'{}'.format(x)`, in the forms that templates use. */
import { concat, isStr, raw, slice, type Str } from './text.ts'
import {
  Dict,
  isNumber,
  List,
  numberOf,
  repr,
  TemplateError,
  textOfValue,
  typeName,
  type Given,
  type Value
} from './values.ts'

export function formatPercent(format: Str, value: Value): Str {
  const values = value instanceof List && value.isTuple ? value.items : [value]
  const parts: Str[] = []
  let [at, used] = [0, 0]
  const fields = /%(?:\((\w+)\))?([-0+ ]*)(\d*)(?:\.(\d+))?([sdrifgexX%])/g
  for (const match of raw(format).matchAll(fields)) {
    const [all, name, flags = '', width = '', precision, type = ''] = match
    parts.push(slice(format, at, match.index))
    at = match.index + all.length
    if (type === '%') parts.push('%')
    else {
      const given = name === undefined ? values[used++] : value instanceof Dict && value.get(name)
      if (given === undefined || given === false) {
        throw new TemplateError('not enough arguments for format string')
      }
      const text = formatted(given, type, precision === undefined ? null : Number(precision))
      parts.push(padded(text, flags, Number(width)))
    }
  }
  return concat([...parts, slice(format, at)])
}

function formatted(value: Value, type: string, precision: number | null): Str {
  if (type === 's') return cut(textOfValue(value), precision)
  if (type === 'r') return cut(repr(value), precision)
  if (!isNumber(value) && typeof value !== 'boolean') {
    throw new TemplateError(`%${type} format: a number is required, not ${typeName(value)}`)
  }
  const number = numberOf(value)
  if (type === 'd' || type === 'i') return String(Math.trunc(number))
  if (type === 'x' || type === 'X') {
    const hex = Math.trunc(number).toString(16)
    return type === 'x' ? hex : hex.toUpperCase()
  }
  if (type === 'f') return number.toFixed(precision ?? 6)
  if (type === 'e') return number.toExponential(precision ?? 6).replace(/e([+-])(\d)$/, 'e$10$2')
  return String(Number(number.toPrecision(precision ?? 6)))
}

const cut = (text: Str, precision: number | null): Str =>
  precision === null ? text : slice(text, 0, precision)

const WIDTH_MAX = 10_000

function padded(text: Str, flags: string, width: number): Str {
  const fill = Math.min(width, WIDTH_MAX) - raw(text).length
  if (fill <= 0) return text
  if (flags.includes('-')) return concat([text, ' '.repeat(fill)])
  return concat([(flags.includes('0') ? '0' : ' ').repeat(fill), text])
}

export function formatBraces(format: Str, { args, named }: Given): Str {
  const parts: Str[] = []
  let [at, used] = [0, 0]
  for (const match of raw(format).matchAll(/\{\{|\}\}|\{(\w*)(?:!([rs]))?(?::([^{}]*))?\}/g)) {
    const [all, name = '', conversion, spec = ''] = match
    parts.push(slice(format, at, match.index))
    at = match.index + all.length
    if (all === '{{' || all === '}}') {
      parts.push(all[0]!)
      continue
    }
    const value = /^\d*$/.test(name) ? args[name === '' ? used++ : Number(name)] : named.get(name)
    if (value === undefined) throw new TemplateError(`format() has no argument for ${all}`)
    parts.push(withSpec(conversion === 'r' ? repr(value) : value, spec))
  }
  return concat([...parts, slice(format, at)])
}

function withSpec(value: Value, spec: string): Str {
  const [, align = '', zero = '', width = '', precision, type = ''] =
    /^([<>^]?)(0?)(\d*)(?:\.(\d+))?([sdfgexX]?)$/.exec(spec) ?? []
  const kind = type !== '' ? type : isStr(value) || precision === undefined ? 's' : 'g'
  const text = formatted(value, kind, precision === undefined ? null : Number(precision))
  const flags = (align === '<' || (align === '' && isStr(value)) ? '-' : '') + zero
  return padded(text, flags, Number(width))
}
