/** An error, or what somebody else said of one, in one short line: for a log or a message. */
export function reasonOf(error: unknown): string {
  return messageOf(error).replaceAll(/\s+/g, ' ').trim().slice(0, REASON_CHARACTERS_MAX)
}

/** Node says nothing itself where it has tried several addresses of a host: the first failure does. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return messageOf(error.errors[0])
  return error instanceof Error ? error.message : String(error)
}

const REASON_CHARACTERS_MAX = 300
