/**
 * JSON from a peer, looked over before it is parsed: four megabytes of brackets would hold the
 * process for most of a second and take a quarter of a gigabyte. Text costs what it weighs, so only
 * levels and entries are counted, and only where there is much of it.
 */
const UNCHECKED_CHARACTERS = 65_536
/** A body of an HTTP client may have 64; what peers wrap around it has a few more. */
const LEVELS_MAX = 128
/** Arrays, objects and fields together; a chat of 16,384 messages with calls has a quarter. */
const ENTRIES_MAX = 262_144

const [QUOTE, BACKSLASH, COLON] = [0x22, 0x5c, 0x3a]
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d]

export function parseJson(text: string): unknown {
  if (text.length > UNCHECKED_CHARACTERS) assertModest(text)
  return JSON.parse(text)
}

function assertModest(text: string): void {
  let levels = 0
  let entries = 0
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case QUOTE:
        i = endOfString(text, i)
        break
      case OPEN_ARRAY:
      case OPEN_OBJECT:
        levels++
        entries++
        if (levels > LEVELS_MAX) throw new SyntaxError(`over ${LEVELS_MAX} levels of JSON`)
        break
      case CLOSE_ARRAY:
      case CLOSE_OBJECT:
        levels--
        break
      case COLON:
        entries++
        break
    }
    if (entries > ENTRIES_MAX) throw new SyntaxError(`over ${ENTRIES_MAX} entries of JSON`)
  }
}

/** The place of the closing quote; the text's end where there is none, which is no JSON anyway. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let backslashes = 0
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++
    if (backslashes % 2 === 0) return end
  }
  return text.length
}
