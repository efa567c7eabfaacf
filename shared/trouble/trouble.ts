/**
 * Trouble with something that HAIF depends on: a database, Redis, a disk, another server. It is
 * sorted by what may be done about it, because "it is there and refuses" is neither "it is away"
 * nor a bug of ours. Each thing has a table of its own beside this file.
 *
 * Only bad input may drop anything, and only the row that it is about. In all other kinds what was
 * to be written waits, because the same write works once the trouble is over.
 */

type TroubleKind =
  /** It cannot be reached, or is busy: the same will work later by itself. */
  | 'away'
  /** It does not accept us: credentials, rights, a wrong name or address. A person must act. */
  | 'refuses us'
  /** It can be read and takes nothing new: read-only, full, damaged. A person must act. */
  | 'refuses writes'
  /** What was sent is wrong, and will be wrong whenever it is sent again. */
  | 'bad input'

export interface Trouble {
  kind: TroubleKind
  /** Goes on after the name of the thing: "has no more room". */
  what: string
  /** Tells a person what to do, in the imperative. */
  remedy: string
}

const SAID_CHARACTERS_MAX = 300
/** Logs and reports keep no more of a line. */
const SENTENCE_CHARACTERS_MAX = 300
/** Some servers explain themselves at length. */
const SAID_CHARACTERS_MIN = 40

/**
 * The whole cause in one line: what happened, in the words of the thing itself, and what to do. It
 * is so long that a log keeps all of it: the remedy is at its end.
 */
export function sentenceOf(thing: string, { what, remedy }: Trouble, error: unknown): string {
  const sentence = (said: string) => `${thing} ${what} (${said}): ${remedy}`
  const said = wordsOf(error)
  const room = Math.max(SAID_CHARACTERS_MIN, SENTENCE_CHARACTERS_MAX - sentence('').length)
  return sentence(said.length <= room ? said : `${said.slice(0, room - 1)}…`)
}

/** The code of an error: an errno, a SQLSTATE, a code of OpenSSL. Empty when it has none. */
export function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' ? code : ''
}

/** Node tries each address of a host, and hides the failures in an error without a message. */
export function innermost(error: unknown): unknown {
  return error instanceof AggregateError && error.errors.length > 0
    ? innermost(error.errors[0])
    : error
}

/** What the thing said itself. An error of Emscripten has a number and no words. */
export function wordsOf(error: unknown): string {
  const inner = innermost(error)
  const message = inner instanceof Error ? inner.message : ''
  const { errno } = (inner ?? {}) as { errno?: unknown }
  const words = message || codeOf(inner) || numbered(errno) || 'nothing was said'
  return words.replaceAll(/\s+/g, ' ').trim().slice(0, SAID_CHARACTERS_MAX)
}

const numbered = (errno: unknown): string => (typeof errno === 'number' ? `error ${errno}` : '')
