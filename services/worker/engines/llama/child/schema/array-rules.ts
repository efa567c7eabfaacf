/**
 * The rules of arrays and tuples. A tuple has its items and no others, unless the schema asks for
 * more. Items that must be unique are kept so where they have a few values only: a grammar cannot
 * know what was written before.
 */
import { inside, type Place } from './alternatives.ts'
import type { Conjunction } from './conjunction.ts'
import { constantExpression } from './constants.ts'
import { choice, sequence } from './gbnf.ts'
import type { Expression, ValueWriter } from './writer.ts'

/** Each subset of the values is a rule. */
const UNIQUE_VALUES_MAX = 6

interface Items {
  first: readonly string[]
  /** The rule of further items; null where there can be none. */
  more: string | null
  min: number
  max: number
}

/** Returns null when no array fits. */
export function arrayExpression(
  writer: ValueWriter,
  conjunction: Conjunction,
  place: Place
): Expression | null {
  const unique = uniqueExpression(writer, conjunction, place)
  if (unique !== null) return { text: unique, needs: [[]] }
  const items = itemsOf(writer, conjunction, place)
  if (items.min > items.max) return null
  const body = bodyOf(writer, items)
  const needed = items.first.slice(0, items.min)
  if (items.min > items.first.length && items.more !== null) needed.push(items.more)
  return { text: sequence('"["', writer.space, body), needs: [needed] }
}

function itemsOf(writer: ValueWriter, conjunction: Conjunction, place: Place): Items {
  const { prefix = [], maxItems = Infinity } = conjunction
  const { items = prefix.length === 0 || (conjunction.minItems ?? 0) > prefix.length } = conjunction
  const first: string[] = []
  for (const [i, schema] of prefix.entries()) {
    const rule = writer.value(schema, inside(place, 'prefixItems', i))
    if (rule === null) break
    first.push(rule)
  }
  const isWhole = first.length === prefix.length
  const more =
    isWhole && maxItems > first.length ? writer.value(items, inside(place, 'items')) : null
  const min = conjunction.minItems ?? Math.min(prefix.length, maxItems)
  return { first, more, min, max: more === null ? Math.min(maxItems, first.length) : maxItems }
}

/** What comes after the bracket. */
function bodyOf(writer: ValueWriter, { first, more, min, max }: Items): string {
  const { space } = writer
  const end = sequence(space, '"]"')
  /** After `count` items, which were all of the first. */
  const after = (count: number): string => {
    const mayEnd = count >= min
    const comma = count === 0 ? '' : sequence('","', space)
    const close = count === 0 ? '"]"' : end
    if (count >= max) return close
    const item = first[count]
    if (item === undefined) return more === null ? close : further(count)
    const next = sequence(comma, item, after(count + 1))
    return mayEnd ? choice(next, close) : next
  }
  const further = (count: number): string => {
    const another = writer.rules.add(sequence('","', space, more ?? ''))
    if (count > 0) {
      return sequence(writer.rules.counted(another, Math.max(0, min - count), max - count), end)
    }
    const others = writer.rules.counted(another, Math.max(0, min - 1), max - 1)
    const some = sequence(more ?? '', others, end)
    return min === 0 ? choice(some, '"]"') : some
  }
  return after(0)
}

/** All orders of the values, each at most once; null where they are not a few. */
function uniqueExpression(
  writer: ValueWriter,
  { unique, items, prefix, minItems = 0, maxItems = Infinity }: Conjunction,
  place: Place
): string | null {
  if (unique !== true || items === undefined || prefix !== undefined) return null
  const values = writer.fewValues(items, inside(place, 'items'))
  if (values === null || values.length > UNIQUE_VALUES_MAX || values.length < minItems) return null
  const texts = values.map((value) => constantExpression(value, writer.space))
  const names = new Map<number, string>()
  const after = (used: number): string => {
    const known = names.get(used)
    if (known !== undefined) return known
    const count = texts.filter((_, i) => (used & (1 << i)) !== 0).length
    const comma = count === 0 ? '' : sequence('","', writer.space)
    const next = texts.flatMap((text, i) =>
      (used & (1 << i)) !== 0 || count >= maxItems
        ? []
        : [sequence(comma, text, after(used | (1 << i)))]
    )
    const close = count === 0 ? '"]"' : sequence(writer.space, '"]"')
    const name = writer.rules.add([...next, ...(count >= minItems ? [close] : [])].join(' | '))
    names.set(used, name)
    return name
  }
  return sequence('"["', writer.space, after(0))
}
