/** Jinja2's filters of lists and mappings. An undefined value is an empty list. */
import type { ArgumentReader } from './arguments.ts'
import { itemOf, itemsOf, operate, sizeOf } from './operators.ts'
import { charactersOf, concat, isStr, raw, type Str } from './text.ts'
import {
  areEqual,
  compare,
  Dict,
  isNumber,
  isTrue,
  List,
  NONE,
  TemplateError,
  textOfValue,
  Undefined,
  type Given,
  type Value
} from './values.ts'

/** Filters and tests by name, for filters that take one: `map('trim')`, `select('string')`. */
export interface FilterContext {
  filter(name: string, value: Value, given: Given): Value
  check(name: string, value: Value, given: Given): boolean
}

export type Filter = (
  value: Value,
  read: ArgumentReader,
  more: { given: Given; context: FilterContext }
) => Value

export const LIST_FILTERS: ReadonlyMap<string, Filter> = new Map<string, Filter>([
  ['length', (value) => sizeOf(value)],
  ['count', (value) => sizeOf(value)],
  ['list', (value) => new List([...itemsOf(value)])],
  ['first', (value) => itemsOf(value)[0] ?? new Undefined('No first item, sequence was empty.')],
  ['last', (value) => itemsOf(value).at(-1) ?? new Undefined('No last item, sequence was empty.')],
  ['reverse', reversed],
  ['join', join],
  ['map', map],
  ['select', (value, _read, { given, context }) => pick(value, given, context, 0, true)],
  ['reject', (value, _read, { given, context }) => pick(value, given, context, 0, false)],
  ['selectattr', (value, _read, { given, context }) => pick(value, given, context, 1, true)],
  ['rejectattr', (value, _read, { given, context }) => pick(value, given, context, 1, false)],
  ['sort', (value, read) => new List(sorted(value, read, 2))],
  ['unique', unique],
  ['min', (value, read) => sorted(value, read, 1)[0] ?? new Undefined('No aggregated item')],
  ['max', (value, read) => sorted(value, read, 1).at(-1) ?? new Undefined('No aggregated item')],
  ['sum', sum],
  ['groupby', groupBy],
  ['dictsort', dictSort],
  ['batch', batch],
  ['slice', slices]
])

function reversed(value: Value): Value {
  if (isStr(value)) return concat(charactersOf(value).toReversed())
  return new List([...itemsOf(value)].toReversed())
}

function join(value: Value, read: ArgumentReader): Value {
  const mark = textOfValue(read.get(0, 'd') ?? '')
  const attribute = read.get(1, 'attribute')
  const texts = itemsOf(value).map((item) =>
    textOfValue(attribute === undefined ? item : attributeAt(item, attribute))
  )
  return concat(texts.flatMap((text, i) => (i === 0 ? [text] : [mark, text])))
}

/** `a.b.0` looks up one after the other. */
function attributeAt(value: Value, path: Value): Value {
  if (isNumber(path)) return itemOf(value, path)
  let found = value
  for (const part of raw(textOfValue(path)).split('.')) {
    if (found instanceof Undefined) return found
    found = itemOf(found, /^\d+$/.test(part) ? Number(part) : part)
  }
  return found
}

function map(
  value: Value,
  read: ArgumentReader,
  { given, context }: { given: Given; context: FilterContext }
): Value {
  const attribute = given.named.get('attribute')
  if (attribute !== undefined) {
    const otherwise = given.named.get('default')
    return new List(
      itemsOf(value).map((item) => {
        const found = attributeAt(item, attribute)
        return found instanceof Undefined && otherwise !== undefined ? otherwise : found
      })
    )
  }
  const name = raw(read.text(0, 'filter'))
  const rest = { args: given.args.slice(1), named: given.named }
  return new List(itemsOf(value).map((item) => context.filter(name, item, rest)))
}

/** `attributes`: 1 where the first argument names what of each item is tested. */
function pick(
  value: Value,
  { args, named }: Given,
  context: FilterContext,
  attributes: 0 | 1,
  wanted: boolean
): Value {
  const test = args[attributes]
  const rest = { args: args.slice(attributes + 1), named }
  const passes = (item: Value) => {
    const tested = attributes === 0 ? item : attributeAt(item, args[0] ?? '')
    return test === undefined ? isTrue(tested) : context.check(raw(test as Str), tested, rest)
  }
  // Jinja2 looks at the value only when the result is used, which templates do after a test of it.
  const items = value === NONE ? [] : itemsOf(value)
  return new List(items.filter((item) => passes(item) === wanted))
}

/** `place`: where `attribute` stands among the arguments. */
function sorted(value: Value, read: ArgumentReader, place: 1 | 2): Value[] {
  const isCased = read.flag(place - 1, 'case_sensitive')
  const attribute = read.get(place, 'attribute')
  const keyOf = (item: Value) =>
    uncased(
      attribute === undefined || attribute === NONE ? item : attributeAt(item, attribute),
      isCased
    )
  const isReversed = place === 2 && read.flag(0, 'reverse')
  const items = itemsOf(value)
  const order = (a: Value, b: Value) => compare(keyOf(a), keyOf(b))
  return isReversed ? items.toSorted((a, b) => order(b, a)) : items.toSorted(order)
}

const uncased = (value: Value, isCased: boolean): Value =>
  isStr(value) && !isCased ? raw(value).toLowerCase() : value

function unique(value: Value, read: ArgumentReader): Value {
  const isCased = read.flag(0, 'case_sensitive')
  const attribute = read.get(1, 'attribute')
  const seen: Value[] = []
  return new List(
    itemsOf(value).filter((item) => {
      const key = uncased(attribute === undefined ? item : attributeAt(item, attribute), isCased)
      if (seen.some((each) => areEqual(each, key))) return false
      seen.push(key)
      return true
    })
  )
}

function sum(value: Value, read: ArgumentReader): Value {
  const attribute = read.get(0, 'attribute')
  let total = read.get(1, 'start') ?? 0
  for (const item of itemsOf(value)) {
    const part = attribute === undefined || attribute === NONE ? item : attributeAt(item, attribute)
    total = operate('+', total, part)
  }
  return total
}

function groupBy(value: Value, read: ArgumentReader): Value {
  const attribute = read.value(0, 'attribute')
  const groups: List[] = []
  const keyOf = (item: Value) => attributeAt(item, attribute)
  const items = itemsOf(value).toSorted((a, b) => compare(keyOf(a), keyOf(b)))
  for (const item of items) {
    const last = groups.at(-1)
    if (last !== undefined && areEqual(last.items[0]!, keyOf(item))) {
      ;(last.items[1] as List).items.push(item)
    } else groups.push(new List([keyOf(item), new List([item])], true))
  }
  return new List(groups)
}

function dictSort(value: Value, read: ArgumentReader): Value {
  if (value instanceof Undefined) return new List([])
  if (!(value instanceof Dict)) throw new TemplateError('dictsort needs a mapping')
  const isCased = read.flag(0, 'case_sensitive')
  const at = (read.optionalText(1, 'by') ?? 'key') === 'key' ? 0 : 1
  const entries = value
    .entries()
    .toSorted((a, b) => compare(uncased(a[at], isCased), uncased(b[at], isCased)))
  if (read.flag(2, 'reverse')) entries.reverse()
  return new List(entries.map((entry) => new List(entry, true)))
}

function batch(value: Value, read: ArgumentReader): Value {
  const size = Math.max(1, read.integer(0, 'linecount', 1))
  const fill = read.get(1, 'fill_with')
  const items = itemsOf(value)
  const rows: Value[] = []
  for (let at = 0; at < items.length; at += size) {
    const row = items.slice(at, at + size)
    const missing = Math.min(size, ROW_MAX) - row.length
    if (fill !== undefined) row.push(...Array.from({ length: missing }, () => fill))
    rows.push(new List(row))
  }
  return new List(rows)
}

const ROW_MAX = 10_000

function slices(value: Value, read: ArgumentReader): Value {
  const count = Math.min(Math.max(1, read.integer(0, 'slices', 1)), ROW_MAX)
  const items = itemsOf(value)
  const [size, larger] = [Math.floor(items.length / count), items.length % count]
  let at = 0
  return new List(
    Array.from({ length: count }, (_, i) => {
      const from = at
      at += size + (i < larger ? 1 : 0)
      return new List(items.slice(from, at))
    })
  )
}
