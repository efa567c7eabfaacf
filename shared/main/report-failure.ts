/** The last words of a process that cannot go on. */
import process from 'node:process'
import { inspect } from 'node:util'
import { HaifError } from '#shared/errors.ts'
import { storeError } from '#shared/store/postgres-errors.ts'
import { diskError } from '#shared/trouble/disk.ts'

/**
 * An expected failure is one sentence, and so is one of the disk or of a database that nobody has
 * translated on its way; anything else is our bug and shows where it happened.
 */
export function reportFailure(thrown: unknown): void {
  const { path } = (thrown ?? {}) as { path?: unknown }
  const error = storeError(diskError(typeof path === 'string' ? path : 'a file', thrown))
  const text =
    error instanceof HaifError
      ? `${error.message}${howHere(error)} (${error.code})`
      : `unexpected failure, please report it: ${inspect(error)}`
  process.stderr.write(`haif: ${text}\n`)
}

/** Gateways explain tokens to programs that speak HTTP; a command sends none by hand. */
const howHere = ({ code }: HaifError): string =>
  code === 'UNAUTHENTICATED' ? '; for the haif command, set HAIF_TOKEN to it' : ''
