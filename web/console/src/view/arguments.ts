/** The arguments of a function, as a person types them into a form. */
import type { PortBody } from '../mesh/bodies.ts'

type PortKind = 'text' | 'number' | 'boolean' | 'json'

const KINDS: Readonly<Record<string, PortKind>> = {
  int: 'number',
  integer: 'number',
  float: 'number',
  number: 'number',
  str: 'text',
  string: 'text',
  bool: 'boolean',
  boolean: 'boolean'
}

/** Python's and TypeScript's names of types; whatever has no field of its own is JSON. */
export function kindOf({ type = '' }: Pick<PortBody, 'type'>): PortKind {
  const inner = /^(?:typing\.)?Optional\[(.*)\]$/.exec(type)?.[1] ?? type
  const parts = inner.split('|').map((part) => part.trim().toLowerCase())
  const kinds = new Set(parts.filter((part) => !NOTHING.has(part)).map((part) => KINDS[part]))
  const [only = 'json'] = kinds
  return kinds.size === 1 ? only : 'json'
}

const NOTHING = new Set(['none', 'null', 'undefined'])

type Read = { arguments: Record<string, unknown> } | { port: string; problem: string }

/** An empty field is left out: then the function's own default counts. */
export function readArguments(
  ports: readonly PortBody[],
  texts: Readonly<Record<string, string>>
): Read {
  const given: [string, unknown][] = []
  for (const port of ports) {
    const text = texts[port.name] ?? ''
    if (text === '' && port.optional === true) continue
    const kind = kindOf(port)
    if (text === '' && kind !== 'text') return { port: port.name, problem: 'It is needed.' }
    const value = valueOf(kind, text)
    if (value === undefined) return { port: port.name, problem: PROBLEMS[kind] }
    given.push([port.name, value])
  }
  return { arguments: Object.fromEntries(given) }
}

const PROBLEMS: Record<PortKind, string> = {
  text: '',
  number: 'It has to be a number.',
  boolean: 'It has to be true or false.',
  json: 'It has to be JSON: text in quotes, [1, 2], {"a": 1}.'
}

/** Undefined where the text is none of that kind. */
function valueOf(kind: PortKind, text: string): unknown {
  switch (kind) {
    case 'text':
      return text
    case 'number': {
      const number = Number(text)
      return Number.isFinite(number) ? number : undefined
    }
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : undefined
    case 'json':
      return parsed(text)
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** The same call for a shell. */
export function callLine(
  object: string,
  given: Readonly<Record<string, unknown>>,
  machine: string
): string {
  const words = Object.entries(given).map(([name, value]) =>
    quoted(
      `${name}=${typeof value === 'string' && parsed(value) === undefined ? value : JSON.stringify(value)}`
    )
  )
  const on = machine === '' ? [] : ['--on', quoted(machine)]
  return ['haif fn call', object, ...words, ...on].join(' ')
}

const quoted = (word: string): string =>
  /^[\w:/.@=+-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
