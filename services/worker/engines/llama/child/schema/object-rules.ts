/**
 * The rules of objects. Properties come in the order of the schema, the required ones always, the
 * others or not; then those that have no name in the schema, where it asks for such.
 *
 * A schema that does not speak of further properties allows them, by the letter. Models would make
 * some up, so they are written only where a schema says so, or where it names no properties at all.
 */
import { inside, type Place } from './alternatives.ts'
import { allOf, type Conjunction } from './conjunction.ts'
import { choice, literal, sequence } from './gbnf.ts'
import { freeMembers, keysOf } from './member-rules.ts'
import { unkept } from './problems.ts'
import { regularTest } from './pattern/regular-test.ts'
import type { Schema } from './references.ts'
import type { Expression, ValueWriter } from './writer.ts'

interface Property {
  name: string
  schema: Schema
  required: boolean
}

interface Member {
  text: string
  rule: string
  required: boolean
}

interface Counts {
  min: number
  max: number
}

/** Returns null when no object fits. */
export function objectExpression(
  writer: ValueWriter,
  conjunction: Conjunction,
  place: Place
): Expression | null {
  const properties = propertiesOf(writer, conjunction, place)
  if (properties === null) return null
  const members: Member[] = []
  for (const { name, schema, required } of properties) {
    const rule = writer.value(schema, inside(place, 'properties', name))
    if (rule === null && required) return null
    if (rule === null) continue
    const text = sequence(literal(`${JSON.stringify(name)}:`), writer.space, rule)
    members.push({ text, rule, required })
  }
  const free = freeMembers(writer, conjunction, properties, place)
  const counts = countsOf(conjunction, members, free !== null, place)
  const body = new MemberWriter(writer, members, free, counts).body()
  if (body === null) return null
  return { text: sequence('"{"', writer.space, body), needs: needsOf(members, free, counts) }
}

/** The properties, also those that are only required; null when one of these can have no value. */
export function propertiesOf(
  writer: ValueWriter,
  conjunction: Conjunction,
  place: Place
): Property[] | null {
  const { properties = [], required = [], patternProperties = [], additional = true } = conjunction
  const needed = new Set(required)
  const known = new Map(properties)
  const byPattern = (name: string): Schema[] =>
    patternProperties
      .filter(([pattern]) => regularTest(pattern, name) === true)
      .map(([, schema]) => schema)
  for (const name of [...required, ...(keysOf(writer, conjunction, place) ?? [])]) {
    if (known.has(name)) continue
    known.set(name, byPattern(name).length > 0 ? true : additional)
  }
  const all = Array.from(known, ([name, schema]) => {
    return { name, schema: allOf(schema, ...byPattern(name)), required: needed.has(name) }
  })
  return all.some(({ schema, required: must }) => must && schema === false) ? null : all
}

/** How many members there must be; null where the properties themselves see to it. */
function countsOf(
  { minProperties = 0, maxProperties = Infinity }: Conjunction,
  members: readonly Member[],
  isOpen: boolean,
  place: Place
): Counts | null {
  const required = members.filter((member) => member.required).length
  const isFew = minProperties <= required
  const isMany = maxProperties >= (isOpen ? Infinity : members.length)
  if (isFew && isMany) return null
  // Two keys of one name would be one property; a grammar cannot know what was written before.
  if (isOpen && minProperties > members.length + 1 && place.strictness === 'exact') {
    throw unkept(place.at, 'minProperties', `more than ${members.length + 1} here`)
  }
  return { min: minProperties, max: maxProperties }
}

function needsOf(
  members: readonly Member[],
  free: Expression | null,
  counts: Counts | null
): readonly (readonly string[])[] {
  const required = members.filter((member) => member.required).map(({ rule }) => rule)
  if (counts === null || counts.min <= required.length) return [required]
  const others = members.filter((member) => !member.required).map(({ rule }) => [rule])
  return [...others, ...(free?.needs ?? [])].map((more) => [...required, ...more])
}

/** Writes what comes after the brace: members one after the other, and the closing brace. */
class MemberWriter {
  readonly #writer: ValueWriter
  readonly #members: readonly Member[]
  readonly #free: string | null
  readonly #counts: Counts | null
  readonly #names = new Map<string, string | null>()

  constructor(
    writer: ValueWriter,
    members: readonly Member[],
    free: Expression | null,
    counts: Counts | null
  ) {
    this.#writer = writer
    this.#members = members
    this.#free = free?.text ?? null
    this.#counts = counts
  }

  body(): string | null {
    const first = this.#first(0, 0)
    const parts = [...(this.#mayEnd(0, 0) ? ['"}"'] : []), ...(first === null ? [] : [first])]
    return parts.length === 0 ? null : choice(...parts)
  }

  /** A member from the place `i` on must come; `count` were written. */
  #first(i: number, count: number): string | null {
    if (this.#counts !== null && count >= this.#counts.max) return null
    const member = this.#members[i]
    if (member === undefined) return this.#freeFrom(count)
    const rest = this.#rest(i + 1, this.#counted(count + 1))
    const here = rest === null ? null : sequence(member.text, rest)
    if (member.required) return here
    return this.#named(`${i} ${count}`, () => {
      const parts = [here, this.#first(i + 1, count)].filter((part) => part !== null)
      return parts.length === 0 ? null : parts.join(' | ')
    })
  }

  /** After a member: another one, or the end. */
  #rest(i: number, count: number): string | null {
    const more = this.#first(i, count)
    const next = more === null ? null : sequence('","', this.#writer.space, more)
    const end = this.#mayEnd(i, count) ? this.#end : null
    const parts = [next, end].filter((part) => part !== null)
    return parts.length === 0 ? null : choice(...parts)
  }

  get #end(): string {
    return sequence(this.#writer.space, '"}"')
  }

  #mayEnd(i: number, count: number): boolean {
    const isComplete = !this.#members.slice(i).some(({ required }) => required)
    return isComplete && (this.#counts === null || count >= this.#counts.min)
  }

  #freeFrom(count: number): string | null {
    if (this.#free === null) return null
    const { min, max } = this.#counts ?? { min: 0, max: Infinity }
    const more = this.#writer.rules.add(sequence('","', this.#writer.space, this.#free))
    const least = Math.max(0, min - count - 1)
    const others = this.#writer.rules.counted(more, least, max - count - 1)
    return sequence(this.#free, others, this.#end)
  }

  /** Without bounds on their number, members need not be counted. */
  #counted(count: number): number {
    return this.#counts === null ? 1 : count
  }

  #named(key: string, write: () => string | null): string | null {
    const known = this.#names.get(key)
    if (known !== undefined) return known
    const text = write()
    const name = text === null ? null : this.#writer.rules.add(text)
    this.#names.set(key, name)
    return name
  }
}
