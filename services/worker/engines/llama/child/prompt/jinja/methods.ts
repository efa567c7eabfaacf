/** The methods of Python's strings, mappings and lists that templates call. */
import { ArgumentReader } from './arguments.ts'
import { formatBraces } from './format.ts'
import {
  concat,
  isStr,
  lengthOf,
  mapSpans,
  raw,
  replace,
  slice,
  split,
  strip,
  WHITE_SPACE,
  type Str
} from './text.ts'
import {
  areEqual,
  Callable,
  Dict,
  List,
  NONE,
  TemplateError,
  Undefined,
  type Given,
  type Value
} from './values.ts'

type Method<Self> = (self: Self, read: ArgumentReader, given: Given) => Value

export function methodOf(value: Value, name: string): Callable | null {
  if (isStr(value)) return bound(STRING_METHODS, value, name)
  if (value instanceof Dict) return bound(DICT_METHODS, value, name)
  return value instanceof List ? bound(LIST_METHODS, value, name) : null
}

function bound<Self>(
  methods: ReadonlyMap<string, Method<Self>>,
  self: Self,
  name: string
): Callable | null {
  const method = methods.get(name)
  if (method === undefined) return null
  return new Callable((given) => method(self, new ArgumentReader(given, `${name}()`), given))
}

const titled = (text: string): string => text.replace(/\p{L}+/gu, (word) => capitalized(word))

export const capitalized = (text: string): string => {
  const [first = ''] = text
  return first.toUpperCase() + text.slice(first.length).toLowerCase()
}

/** Changes the case of a text as if it were one, also where a caller's part begins within it. */
export function withCase(text: Str, change: (text: string) => string): Str {
  const changed = change(raw(text))
  if (typeof text === 'string') return changed
  if (changed.length !== raw(text).length) return mapSpans(text, change)
  let at = 0
  return mapSpans(text, (part) => changed.slice(at, (at += part.length)))
}

const STRING_METHODS: ReadonlyMap<string, Method<Str>> = new Map<string, Method<Str>>([
  ['strip', (self, read) => strip(self, 'both', read.optionalText(0, 'chars'))],
  ['lstrip', (self, read) => strip(self, 'left', read.optionalText(0, 'chars'))],
  ['rstrip', (self, read) => strip(self, 'right', read.optionalText(0, 'chars'))],
  ['upper', (self) => withCase(self, (text) => text.toUpperCase())],
  ['lower', (self) => withCase(self, (text) => text.toLowerCase())],
  ['title', (self) => withCase(self, titled)],
  ['capitalize', (self) => withCase(self, capitalized)],
  ['startswith', (self, read) => any(read.value(0, 'prefix'), (it) => raw(self).startsWith(it))],
  ['endswith', (self, read) => any(read.value(0, 'suffix'), (it) => raw(self).endsWith(it))],
  ['split', (self, read) => new List(splitBy(self, read))],
  ['rsplit', (self, read) => new List(splitFromEnd(self, read))],
  ['splitlines', (self, read) => new List(linesOf(self, read.flag(0, 'keepends')))],
  ['partition', (self, read) => partition(self, read, raw(self).indexOf(sep(read)))],
  ['rpartition', (self, read) => partition(self, read, raw(self).lastIndexOf(sep(read)))],
  [
    'replace',
    (self, read) => {
      const most = read.integer(2, 'count', -1)
      return replace(self, read.text(0, 'old'), read.text(1, 'new'), most < 0 ? Infinity : most)
    }
  ],
  ['join', (self, read) => joinTexts(self, read.value(0, 'iterable'))],
  ['format', (self, _read, given) => formatBraces(self, given)],
  ['find', (self, read) => raw(self).indexOf(sep(read), read.integer(1, 'start', 0))],
  ['rfind', (self, read) => raw(self).lastIndexOf(sep(read))],
  ['index', (self, read) => found(raw(self).indexOf(sep(read), read.integer(1, 'start', 0)))],
  ['count', (self, read) => split(self, sep(read)).length - 1],
  ['removeprefix', (self, read) => without(self, sep(read), 'prefix')],
  ['removesuffix', (self, read) => without(self, sep(read), 'suffix')],
  ['isdigit', (self) => /^\p{Nd}+$/u.test(raw(self))],
  ['isnumeric', (self) => /^\p{N}+$/u.test(raw(self))],
  ['isalpha', (self) => /^\p{L}+$/u.test(raw(self))],
  ['isalnum', (self) => /^[\p{L}\p{N}]+$/u.test(raw(self))],
  ['isspace', (self) => raw(self) !== '' && raw(strip(self, 'both')) === ''],
  ['isupper', (self) => hasCase(self) && raw(self) === raw(self).toUpperCase()],
  ['islower', (self) => hasCase(self) && raw(self) === raw(self).toLowerCase()],
  ['zfill', (self, read) => concat([fill(self, read, '0'), self])],
  ['rjust', (self, read) => concat([fill(self, read, ' '), self])],
  ['ljust', (self, read) => concat([self, fill(self, read, ' ')])]
])

const sep = (read: ArgumentReader): string => raw(read.text(0, 'sub'))
const hasCase = (text: Str) => /[\p{Lu}\p{Ll}]/u.test(raw(text))

const WIDTH_MAX = 10_000

const fill = (text: Str, read: ArgumentReader, character: string): string =>
  character.repeat(Math.max(0, Math.min(read.integer(0, 'width', 0), WIDTH_MAX) - lengthOf(text)))

function found(at: number): number {
  if (at === -1) throw new TemplateError('substring not found')
  return at
}

function any(pattern: Value, test: (text: string) => boolean): boolean {
  if (isStr(pattern)) return test(raw(pattern))
  if (pattern instanceof List) return pattern.items.some((each) => isStr(each) && test(raw(each)))
  throw new TemplateError('the argument must be str or a tuple of str')
}

function splitBy(self: Str, read: ArgumentReader): Str[] {
  const mark = read.optionalText(0, 'sep')
  const most = read.integer(1, 'maxsplit', -1)
  const max = most < 0 ? Infinity : most
  if (mark === '') throw new TemplateError('empty separator')
  return mark === undefined ? wordsOf(self, max) : split(self, mark, max)
}

function wordsOf(self: Str, most: number): Str[] {
  const text = strip(self, 'left')
  const words: Str[] = []
  let at = 0
  for (const space of raw(text).matchAll(WHITE_SPACE)) {
    if (words.length >= most) break
    words.push(slice(text, at, space.index))
    at = space.index + space[0].length
  }
  return at < raw(text).length ? [...words, slice(text, at)] : words
}

function splitFromEnd(self: Str, read: ArgumentReader): Str[] {
  const mark = read.optionalText(0, 'sep')
  const most = read.integer(1, 'maxsplit', -1)
  const parts = mark === undefined ? wordsOf(self, Infinity) : split(self, mark)
  if (most < 0 || parts.length <= most + 1) return parts
  const tail = parts.slice(parts.length - most)
  if (mark !== undefined) {
    const tailLength = tail.reduce((sum, part) => sum + raw(part).length + mark.length, 0)
    return [slice(self, 0, raw(self).length - tailLength), ...tail]
  }
  const head = parts.slice(0, parts.length - most)
  return [concat(head.flatMap((part, i) => (i === 0 ? [part] : [' ', part]))), ...tail]
}

const LINE_BREAK = new RegExp(String.raw`\r\n|[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]`, 'g')

function linesOf(self: Str, keepEnds: boolean): Str[] {
  const lines: Str[] = []
  let at = 0
  for (const { 0: end, index } of raw(self).matchAll(LINE_BREAK)) {
    lines.push(slice(self, at, index + (keepEnds ? end.length : 0)))
    at = index + end.length
  }
  return at < raw(self).length ? [...lines, slice(self, at)] : lines
}

function partition(self: Str, read: ArgumentReader, at: number): List {
  if (at === -1) return new List([self, '', ''], true)
  const end = at + sep(read).length
  return new List([slice(self, 0, at), slice(self, at, end), slice(self, end)], true)
}

function joinTexts(mark: Str, values: Value): Str {
  const items = values instanceof List ? values.items : values instanceof Dict ? values.keys() : []
  const texts = items.map((item) => {
    if (isStr(item)) return item
    throw new TemplateError('join() needs texts')
  })
  return concat(texts.flatMap((text, i) => (i === 0 ? [text] : [mark, text])))
}

function without(self: Str, mark: string, side: 'prefix' | 'suffix'): Str {
  if (mark === '') return self
  if (side === 'prefix') return raw(self).startsWith(mark) ? slice(self, mark.length) : self
  return raw(self).endsWith(mark) ? slice(self, 0, raw(self).length - mark.length) : self
}

const pair = (key: Value, value: Value): List => new List([key, value], true)

const DICT_METHODS: ReadonlyMap<string, Method<Dict>> = new Map<string, Method<Dict>>([
  ['items', (self) => new List(self.entries().map(([key, value]) => pair(key, value)))],
  ['keys', (self) => new List(self.keys())],
  ['values', (self) => new List(self.values())],
  ['get', (self, read) => self.get(read.value(0, 'key')) ?? read.get(1, 'default') ?? NONE],
  ['copy', (self) => new Dict(self.entries())],
  [
    'pop',
    (self, read) => {
      const key = read.value(0, 'key')
      const value = self.get(key) ?? read.get(1, 'default')
      self.delete(key)
      return value ?? new Undefined('pop(): there is no such key')
    }
  ],
  [
    'setdefault',
    (self, read) => {
      const key = read.value(0, 'key')
      if (!self.has(key)) self.set(key, read.get(1, 'default') ?? NONE)
      return self.get(key) ?? NONE
    }
  ],
  [
    'update',
    (self, read, { named }) => {
      const other = read.get(0, 'other')
      if (other instanceof Dict) for (const [key, value] of other.entries()) self.set(key, value)
      for (const [key, value] of named) self.set(key, value)
      return NONE
    }
  ]
])

const LIST_METHODS: ReadonlyMap<string, Method<List>> = new Map<string, Method<List>>([
  [
    'append',
    (self, read) => {
      self.items.push(read.value(0, 'item'))
      return NONE
    }
  ],
  [
    'extend',
    (self, read) => {
      const other = read.value(0, 'items')
      if (other instanceof List) self.items.push(...other.items)
      return NONE
    }
  ],
  [
    'insert',
    (self, read) => {
      self.items.splice(read.integer(0, 'index', 0), 0, read.value(1, 'item'))
      return NONE
    }
  ],
  [
    'pop',
    (self, read) => {
      const at = read.integer(0, 'index', -1)
      const [item] = self.items.splice(at < 0 ? at + self.items.length : at, 1)
      return item ?? new Undefined('pop from an empty list')
    }
  ],
  ['copy', (self) => new List([...self.items])],
  [
    'index',
    (self, read) => found(self.items.findIndex((item) => areEqual(item, read.value(0, 'item'))))
  ],
  [
    'count',
    (self, read) => self.items.filter((item) => areEqual(item, read.value(0, 'item'))).length
  ]
])
