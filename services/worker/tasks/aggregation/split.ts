/** Cuts a text into parts that end where a reader would pause. Pure. */

/** The best places to cut, after these. */
const PAUSES = [/\n\s*\n/g, /\n/g, /[.!?…。！？]["'”’)]*\s/g, /\s/g]
/** A part may be so much shorter than it could be, for the sake of a better place. */
const SHARE_MIN = 0.5

/** At most `partsMax` parts: where there would be more, they are longer than wished. */
export function splitText(text: string, characters: number, partsMax: number): string[] {
  const whole = text.trim()
  const atLeast = Math.ceil(whole.length / partsMax)
  // Cutting at pauses leaves parts shorter than they could be, and so makes more of them.
  for (let most = Math.max(characters, atLeast); ; most = Math.ceil(most * 1.25)) {
    const parts = cut(whole, most)
    if (parts.length <= partsMax) return parts
  }
}

function cut(text: string, most: number): string[] {
  const parts: string[] = []
  let rest = text
  while (rest.length > most) {
    const at = placeIn(rest, most)
    parts.push(rest.slice(0, at).trimEnd())
    rest = rest.slice(at).trimStart()
  }
  if (rest !== '') parts.push(rest)
  return parts
}

function placeIn(text: string, most: number): number {
  const window = text.slice(0, most + 1)
  for (const pause of PAUSES) {
    const last = [...window.matchAll(pause)].at(-1)
    const at = last === undefined ? 0 : last.index + last[0].length
    if (at >= most * SHARE_MIN && at <= most + 1) return at
  }
  // No pause: between two halves of one character there must be no cut.
  const isHalf = /[\uD800-\uDBFF]/.test(text.charAt(most - 1))
  if (!isHalf) return most
  return most > 1 ? most - 1 : most + 1
}

/** Items that are kept whole, put together to parts of about so many characters. */
export function groupItems<Item>(
  items: readonly Item[],
  sizeOf: (item: Item) => number,
  characters: number,
  partsMax: number
): Item[][] {
  const total = items.reduce((sum, item) => sum + sizeOf(item), 0)
  const most = Math.max(characters, Math.ceil(total / partsMax))
  const groups: Item[][] = []
  let size = 0
  for (const item of items) {
    const last = groups.at(-1)
    const isFull = last === undefined || size + sizeOf(item) > most
    if (isFull && groups.length < partsMax) {
      groups.push([item])
      size = sizeOf(item)
    } else {
      last!.push(item)
      size += sizeOf(item)
    }
  }
  return groups
}
