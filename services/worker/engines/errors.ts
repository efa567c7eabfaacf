/** Errors in the words of an engine. */
import { HaifError } from '#shared/errors.ts'

/** Refuses, by its name, a parameter that the engine or its model cannot honour. */
export function unsupported(param: string, message: string): HaifError {
  return new HaifError('UNSUPPORTED_PARAMETER', message, { details: { param } })
}

/** The message of an error, or a server's text about one, cut to one line for a message or a log. */
export function oneLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.replaceAll(/\s+/g, ' ').trim().slice(0, ONE_LINE_CHARACTERS)
}

const ONE_LINE_CHARACTERS = 300
