/**
 * A chat template as `transformers` runs it with Python's Jinja2, written anew because the one
 * engine of npm differs in what it takes for undefined, and because strings here remember who wrote
 * them (`text.ts`).
 */
import type { Body } from './ast.ts'
import { ArgumentReader } from './arguments.ts'
import { Interpreter } from './interpreter.ts'
import { parseTemplate } from './parser.ts'
import { strftime } from './strftime.ts'
import { raw, type Str } from './text.ts'
import {
  Callable,
  Dict,
  List,
  Namespace,
  NONE,
  TemplateError,
  textOfValue,
  type Given,
  type Value
} from './values.ts'

export class JinjaTemplate {
  /** The template's text. */
  readonly source: string
  readonly #body: Body
  readonly #globals: readonly (readonly [string, Value])[]
  readonly #stepsMax: number

  /** `now` is the clock of `strftime_now`. Throws a `TemplateError` when it cannot be read. */
  constructor(source: string, now: () => Date, stepsMax = STEPS_MAX) {
    this.source = source
    this.#stepsMax = stepsMax
    this.#body = parseTemplate(source)
    this.#globals = [...GLOBALS, ['strftime_now', strftimeNow(now)]]
  }

  /**
   * The names of the language stay what they are, whatever values are given. Throws a
   * `TemplateError` with the template's own words when it refuses the values.
   */
  render(values: Iterable<readonly [string, Value]>): Str {
    return new Interpreter(this.#stepsMax).run(this.#body, [...values, ...this.#globals])
  }
}

/**
 * A few seconds of work. Most templates take some ten steps a message; those that look through all
 * messages for each of them come here with about 3,000 messages.
 */
const STEPS_MAX = 20_000_000

/** As in Jinja2's sandbox. */
const RANGE_MAX = 100_000

const GLOBALS: readonly (readonly [string, Value])[] = [
  ['namespace', new Callable(({ args, named }) => new Namespace([...textKeys(args[0]), ...named]))],
  ['dict', new Callable(({ args, named }) => new Dict([...entriesOf(args[0]), ...named]))],
  ['range', new Callable(range)],
  ['raise_exception', new Callable(raise)]
]

const strftimeNow = (now: () => Date) =>
  new Callable((given) => {
    const format = new ArgumentReader(given, 'strftime_now').text(0, 'format')
    return strftime(now(), raw(format))
  })

function raise({ args }: Given): never {
  throw new TemplateError(raw(textOfValue(args[0] ?? NONE)))
}

const entriesOf = (value: Value | undefined): [Value, Value][] =>
  value instanceof Dict ? value.entries() : []

const textKeys = (value: Value | undefined): [string, Value][] =>
  entriesOf(value).map(([key, each]) => [raw(textOfValue(key)), each])

function range(given: Given): Value {
  const read = new ArgumentReader(given, 'range')
  const [first, second] = [read.integer(0, 'start', 0), read.integer(1, 'stop', NaN)]
  const [from, to] = Number.isNaN(second) ? [0, first] : [first, second]
  const step = read.integer(2, 'step', 1)
  if (step === 0) throw new TemplateError('range() arg 3 must not be zero')
  const length = Math.max(0, Math.ceil((to - from) / step))
  if (length > RANGE_MAX) throw new TemplateError(`Range too big (${length})`)
  const items: number[] = []
  for (let i = 0; i < length; i++) items.push(from + i * step)
  return new List(items)
}
