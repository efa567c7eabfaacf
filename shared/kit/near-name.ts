/** Which name was probably meant by one that there is not. */

/** Nearly the same: but for case and signs, a slip of the pen, or an end that one of them lacks. */
export function isNear(a: string, b: string): boolean {
  const [one, other] = [plain(a), plain(b)]
  if (one === '' || other === '') return false
  if (one.startsWith(other) || other.startsWith(one)) return true
  const slips = Math.min(one.length, other.length) < LONG ? 1 : 2
  return one.length >= SHORT && distance(one, other, slips) <= slips
}

/** The first that is near; undefined: none is. */
export const nearName = (wanted: string, names: Iterable<string>): string | undefined =>
  [...names].find((name) => name !== wanted && isNear(name, wanted))

/** In names of fewer characters, one other is another name. */
const SHORT = 4
/** From here on two slips are still the same name. */
const LONG = 8
/** Of longer names the beginnings are compared. */
const COMPARED_MAX = 128

const plain = (name: string): string =>
  name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, '')
    .slice(0, COMPARED_MAX)

/** Characters to add, take away, change or swap; more than `max` is not counted out. */
function distance(one: string, other: string, max: number): number {
  if (Math.abs(one.length - other.length) > max) return max + 1
  let before: number[] = []
  let row = Array.from({ length: other.length + 1 }, (_, i) => i)
  for (let i = 1; i <= one.length; i++) {
    const next = [i]
    for (let j = 1; j <= other.length; j++) {
      const isSame = one[i - 1] === other[j - 1]
      const isSwapped = one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]
      next[j] = Math.min(
        row[j]! + 1,
        next[j - 1]! + 1,
        row[j - 1]! + (isSame ? 0 : 1),
        isSwapped && i > 1 && j > 1 ? before[j - 2]! + 1 : Infinity
      )
    }
    before = row
    row = next
  }
  return row[other.length]!
}
