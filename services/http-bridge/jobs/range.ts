/** The part of a file that a request asks for: https://www.rfc-editor.org/rfc/rfc9110#name-range. Pure. */

export interface ByteRange {
  from: number
  /** Without this one. */
  to: number
}

/**
 * Null: the whole file, also where several parts are asked for, which nobody has to answer.
 * `unsatisfiable`: there is no such part.
 */
export function readRange(
  header: string | undefined,
  bytes: number
): ByteRange | null | 'unsatisfiable' {
  const [, first = '', last = ''] =
    /^\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(header ?? '') ?? []
  if (first === '' && last === '') return null
  if (first === '') {
    const count = Math.min(Number(last), bytes)
    return count === 0 ? 'unsatisfiable' : { from: bytes - count, to: bytes }
  }
  const from = Number(first)
  const to = last === '' ? bytes : Math.min(Number(last) + 1, bytes)
  if (last !== '' && Number(last) < from) return null // it is no range at all
  return from >= bytes ? 'unsatisfiable' : { from, to }
}
