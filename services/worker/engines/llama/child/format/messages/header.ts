/** The header of a message, in formats whose answers are a row of messages. */
import type { Input, Reading } from '../input.ts'

interface HeaderSyntax {
  /** The mark that ends a header. */
  message: string
  /** What a header may begin with. */
  begins: readonly string[]
  /** Those of them that are marks: what begins so is a header for certain. */
  marks: readonly string[]
}

/** `text`: the message has no header. `cut`: the answer is over before the header's end. */
type Header = { kind: 'header'; text: string } | { kind: 'text' } | { kind: 'cut' }

/**
 * Takes a header. Its marks may have become text when the model was made a file, so it is told by
 * what it begins with. `onPart` gets what is read of it so far, with every character.
 */
export function* readHeader(
  input: Input,
  { message, begins, marks }: HeaderSyntax,
  onPart: (header: string) => void = () => {}
): Reading<Header> {
  const place = input.save()
  let header = ''
  let isHeader = true
  while (isHeader && !header.endsWith(message) && (yield* input.hasMore())) {
    header += input.take()
    isHeader = header.length < HEADER_CHARACTERS_MAX && mayBegin(header, begins)
    onPart(header)
  }
  const isWhole = isHeader && header.endsWith(message)
  const isBegun = isHeader && marks.some((mark) => header.startsWith(mark))
  const isText = !isWhole && !isBegun && !(isHeader && input.isCut)
  if (isText) input.rewind(place)
  input.release()
  if (isText) return { kind: 'text' }
  return isWhole ? { kind: 'header', text: header } : { kind: 'cut' }
}

function mayBegin(header: string, begins: readonly string[]): boolean {
  const start = header.trimStart()
  return begins.some((word) => word.startsWith(start) || start.startsWith(word))
}

/** No header is longer; text that goes on without its end is none. */
const HEADER_CHARACTERS_MAX = 512
