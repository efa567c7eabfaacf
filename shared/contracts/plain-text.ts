/**
 * Text that peers and clients name things with. Control characters end up in logs, terminals and
 * databases (Postgres stores no NUL), where they do harm, and nobody means them.
 */
import { Type } from 'typebox'

const PLAIN = '^[^\\u0000-\\u001f\\u007f]*$'

export const PlainText = (maxLength: number, minLength = 0) =>
  Type.String({ minLength, maxLength, pattern: PLAIN })

/** What a person or a library wrote, as one line that a contract takes. */
export function plainText(text: string, maxLength: number): string {
  const line = text.replaceAll(CONTROL, ' ').trim()
  return line.length <= maxLength ? line : `${line.slice(0, maxLength - 1)}…`
}

// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f]+/g
