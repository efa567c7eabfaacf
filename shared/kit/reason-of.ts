/** Puts an error, or a server's text about one, into one short line for a log or a message. */
export function reasonOf(error: unknown): string {
  return messageOf(error).replaceAll(UNPRINTABLE, ' ').trim().slice(0, REASON_CHARACTERS_MAX)
}

/** The same with the cause behind it, where that says more: callers do not see it, a log does. */
export function causeOf(error: Error): string {
  const { message, cause } = error
  const behind = cause === undefined ? '' : reasonOf(cause)
  const reason = reasonOf(error)
  return behind === '' || message.includes(behind) ? reason : `${reason} (${behind})`
}

/**
 * When Node has tried every address of a host in vain, its error is empty and the causes are
 * inside.
 */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return messageOf(error.errors[0])
  return error instanceof Error ? error.message : String(error)
}

/** White space and control characters, which no contract takes in a line of text. */
// oxlint-disable-next-line no-control-regex
const UNPRINTABLE = /[\s\u0000-\u001f\u007f]+/g
const REASON_CHARACTERS_MAX = 300
