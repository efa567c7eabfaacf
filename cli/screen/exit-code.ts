/** What a script can tell apart; docs/failure-modes.md has the table. */
import { ERRORS, HaifError } from '#shared/errors.ts'

export const EXIT_CODES = { failed: 1, usage: 2, tryLater: 3 } as const

/** What was typed is wrong, or a setting is: the same command fails again. */
const USAGE: ReadonlySet<number> = new Set([400, 413, 415])
/** The same command may succeed in a while. */
const LATER: ReadonlySet<number> = new Set([429, 503, 504])

export function exitCodeOf(error: unknown): number {
  if (!(error instanceof HaifError)) return EXIT_CODES.failed
  const { code } = error
  const { httpStatus } = ERRORS[code]
  if (code === 'CONFIG_INVALID' || USAGE.has(httpStatus)) return EXIT_CODES.usage
  const isLost = code === 'WORKER_LOST' || code === 'PEER_LOST'
  return isLost || LATER.has(httpStatus) ? EXIT_CODES.tryLater : EXIT_CODES.failed
}
