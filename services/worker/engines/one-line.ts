/** An error, or what a server says of one, in one line: for a message or a log. */
export function oneLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.replaceAll(/\s+/g, ' ').trim().slice(0, ONE_LINE_CHARACTERS)
}

const ONE_LINE_CHARACTERS = 300
