/**
 * What was asked in earlier chats, for the arrow keys: `chat-history` of HAIF_HOME, which only its
 * owner can read. A line that begins with a space is not kept, as in a shell.
 */
import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import process from 'node:process'
import { HISTORY_LINES_MAX } from './line-source.ts'

/** A longer one is somebody's file, and no question to ask again. */
const CHARACTERS_MAX = 10_000
const OWNER_ONLY = { mode: 0o600 }

export class ChatHistory {
  readonly #file: string

  constructor(file: string) {
    this.#file = file
  }

  /** The latest first. A history that cannot be read is no reason not to chat. */
  read(): string[] {
    const lines = linesOf(this.#file)
    if (lines.length > 2 * HISTORY_LINES_MAX) this.#shorten(lines.slice(-HISTORY_LINES_MAX))
    return lines.slice(-HISTORY_LINES_MAX).toReversed()
  }

  /** Appends, so that two chats at a time keep what is asked in both. */
  add(shown: string): void {
    if (shown.startsWith(' ') || shown.length > CHARACTERS_MAX) return
    try {
      appendFileSync(this.#file, `${shown}\n`, OWNER_ONLY)
    } catch {
      // the disk is full, say, and the chat goes on without
    }
  }

  #shorten(lines: readonly string[]): void {
    const temporary = `${this.#file}.${process.pid}`
    try {
      writeFileSync(temporary, `${lines.join('\n')}\n`, OWNER_ONLY)
      renameSync(temporary, this.#file)
    } catch {
      // as above
    }
  }
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
  } catch {
    return [] // there is none yet
  }
}
