/** The names of a split model's files: `x-00001-of-00003.gguf` is one of three. */

const PART = /-(?<part>\d{5})-of-(?<parts>\d{5})\.gguf$/i
/** More are no split that anybody made. */
const PARTS_MAX = 512

interface SplitPart {
  part: number
  parts: number
}

/** Null for a file that is a model by itself. */
function splitPartOf(path: string): SplitPart | null {
  const { part, parts } = PART.exec(path)?.groups ?? {}
  const [number, count] = [Number(part), Number(parts)]
  return count >= 2 && count <= PARTS_MAX && number >= 1 && number <= count
    ? { part: number, parts: count }
    : null
}

/** All files of the model, the first one first; only the given one where it is not split. */
export function partsOf(path: string): string[] {
  const { parts } = splitPartOf(path) ?? { parts: 1 }
  if (parts === 1) return [path]
  return Array.from({ length: parts }, (_, i) =>
    path.replace(PART, `-${fiveDigits(i + 1)}-of-${fiveDigits(parts)}.gguf`)
  )
}

/** The name that all parts share. */
export const withoutPart = (path: string): string => path.replace(/(-\d{5}-of-\d{5})?\.gguf$/i, '')

const fiveDigits = (count: number): string => String(count).padStart(5, '0')
