/** The last words of a process that cannot go on. */
import process from 'node:process'
import { inspect } from 'node:util'
import { HaifError } from '#shared/errors.ts'

/** An expected failure is one sentence; anything else is our bug and shows where it happened. */
export function reportFailure(error: unknown): void {
  const text =
    error instanceof HaifError
      ? `${error.message} (${error.code})`
      : `unexpected failure, please report it: ${inspect(error)}`
  process.stderr.write(`haif: ${text}\n`)
}
