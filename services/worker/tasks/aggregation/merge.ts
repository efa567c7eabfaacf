/**
 * Puts the results of several tasks together: what is there twice once, what contradicts itself
 * named, and of everything where it came from. Pure.
 */

export interface Piece {
  value: unknown
  /** Where it came from: `items.3`, or the URI of an artifact. */
  from: string
}

/** Which of several values of a field stays. `all`: a list of them. */
export const STRATEGIES = ['first', 'last', 'longest', 'majority', 'all'] as const
type Strategy = (typeof STRATEGIES)[number]

interface Conflict {
  /** The value of the field `by`. */
  key: string
  field: string
  values: { value: unknown; from: string[] }[]
}

interface Merged {
  items: unknown[]
  /** For each of the items, where it came from. */
  sources: string[][]
  conflicts: Conflict[]
}

/** Pieces that have the same value in the field `by` become one; without it, equal ones. */
export function merge(
  pieces: readonly Piece[],
  by: string | undefined,
  strategy: Strategy
): Merged {
  const groups = Map.groupBy(pieces, (piece) => keyOf(piece, by))
  const merged: Merged = { items: [], sources: [], conflicts: [] }
  for (const [key, group] of groups) {
    const isKeyed = key !== null && by !== undefined
    for (const together of isKeyed ? [group] : eachEqual(group)) {
      const { value, conflicts } = isKeyed
        ? united(together, strategy)
        : { value: together[0]!.value, conflicts: [] }
      merged.items.push(value)
      merged.sources.push(together.map(({ from }) => from))
      const told = key === null ? '' : key.slice(KEY_TAG)
      merged.conflicts.push(...conflicts.map((each) => ({ key: told, ...each })))
    }
  }
  return merged
}

/** The kind of a key stands before it, so that the number 1 and the text 1 are two. */
const KEY_TAG = 1

/** Null where the piece has no such field, and so belongs to no other. */
function keyOf({ value }: Piece, by: string | undefined): string | null {
  if (by === undefined || !isObject(value) || !Object.hasOwn(value, by)) return null
  const key = value[by]
  if (key === null || key === undefined) return null
  return typeof key === 'string' ? `s${key}` : `v${canonical(key)}`
}

function eachEqual(pieces: readonly Piece[]): Piece[][] {
  return [...Map.groupBy(pieces, ({ value }) => canonical(value)).values()]
}

function united(
  pieces: readonly Piece[],
  strategy: Strategy
): { value: Record<string, unknown>; conflicts: Omit<Conflict, 'key'>[] } {
  const objects = pieces.map(({ value, from }) => ({ value: value as Fields, from }))
  const fields = new Set(objects.flatMap(({ value }) => Object.keys(value)))
  const value: Fields = Object.create(null) as Fields
  const conflicts: Omit<Conflict, 'key'>[] = []
  for (const field of fields) {
    const having = objects.filter((each) => Object.hasOwn(each.value, field))
    const same = Map.groupBy(having, (each) => canonical(each.value[field]))
    const values = [...same.values()].map((group) => ({
      value: group[0]!.value[field],
      from: group.map(({ from }) => from)
    }))
    if (values.length > 1) conflicts.push({ field, values })
    value[field] = chosen(values, having.at(-1)!.value[field], strategy)
  }
  return { value: { ...value }, conflicts }
}

function chosen(values: Conflict['values'], last: unknown, strategy: Strategy): unknown {
  if (values.length === 1) return values[0]!.value
  const most = (weigh: (each: Conflict['values'][number]) => number) =>
    values.reduce((best, each) => (weigh(each) > weigh(best) ? each : best)).value
  switch (strategy) {
    case 'first':
      return values[0]!.value
    case 'last':
      return last
    case 'longest':
      return most(({ value }) => canonical(value).length)
    case 'majority':
      return most(({ from }) => from.length)
    case 'all':
      return values.map(({ value }) => value)
  }
}

type Fields = Record<string, unknown>

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The same for equal values, in whatever order their fields are. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (!isObject(value)) return JSON.stringify(value) ?? 'null'
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([name, each]) => `${JSON.stringify(name)}:${canonical(each)}`).join()}}`
}
