/** Sets of Unicode code points: sorted, disjoint, inclusive ranges. Surrogates are in none. */
export type CodePoints = readonly Range[]
type Range = readonly [from: number, to: number]

const LAST = 0x10ffff
const SURROGATES: Range = [0xd800, 0xdfff]

export const NO_CODE_POINTS: CodePoints = []
export const ALL_CODE_POINTS: CodePoints = complement([SURROGATES])

export function codePointsOf(...ranges: Range[]): CodePoints {
  return intersection(merged(ranges), ALL_CODE_POINTS)
}

export function charactersOf(text: string): CodePoints {
  return codePointsOf(...Array.from(text, (each): Range => [codeOf(each), codeOf(each)]))
}

export const codeOf = (character: string): number => character.codePointAt(0) ?? 0

export function union(...sets: CodePoints[]): CodePoints {
  return merged(sets.flat())
}

export function intersection(a: CodePoints, b: CodePoints): CodePoints {
  const shared: Range[] = []
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    const from = Math.max(a[i]![0], b[j]![0])
    const to = Math.min(a[i]![1], b[j]![1])
    if (from <= to) shared.push([from, to])
    if (a[i]![1] < b[j]![1]) i++
    else j++
  }
  return shared
}

export function without(a: CodePoints, b: CodePoints): CodePoints {
  return intersection(a, complement(b))
}

export function contains(set: CodePoints, code: number): boolean {
  return set.some(([from, to]) => from <= code && code <= to)
}

/** The complement within the characters; surrogates are no characters. */
export function otherThan(set: CodePoints): CodePoints {
  return without(ALL_CODE_POINTS, set)
}

function complement(set: CodePoints): CodePoints {
  const gaps: Range[] = []
  let next = 0
  for (const [from, to] of set) {
    if (from > next) gaps.push([next, from - 1])
    next = to + 1
  }
  if (next <= LAST) gaps.push([next, LAST])
  return gaps
}

function merged(ranges: readonly Range[]): CodePoints {
  const result: [number, number][] = []
  for (const [from, to] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = result.at(-1)
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to)
    else result.push([from, to])
  }
  return result
}
