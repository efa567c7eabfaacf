/**
 * What comes from a terminal, one line at a time, so that nothing is lost or asked by mistake.
 *
 * What is pasted stays one line: its line ends are shown as ␊ and become line ends again when the
 * line is read. Lines that come together without being a paste, as those that were typed during an
 * answer, wait for the next reader: a reader drops what follows the line that ends it.
 */
import { PassThrough, type Readable } from 'node:stream'

/** Terminals that know it put the two marks around what is pasted. */
export const PASTE_MARKS_ON = '\u001B[?2004h'
export const PASTE_MARKS_OFF = '\u001B[?2004l'
const PASTE_BEGINS = '\u001B[200~'
const PASTE_ENDS = '\u001B[201~'
/** More than a question may have. */
const PASTE_CHARACTERS_MAX = 1_048_576

const LINE_END = '␊'
const TAB = '␉'

/** The text that was typed or pasted, from the one that was shown. */
export const asTyped = (shown: string): string =>
  shown.replaceAll(LINE_END, '\n').replaceAll(TAB, '\t')

/** In one line, as it is shown and kept in the history. */
export const asShown = (text: string): string =>
  text
    .replaceAll(/\r\n?|\n/g, LINE_END)
    .replaceAll('\t', TAB)
    .replaceAll(/\p{Cc}/gu, '')

/** A paste in one line, everything else as it came. Pure, but for what is held between chunks. */
export class PasteReader {
  #held = '' // the beginning of a mark, or a paste whose end has not come
  #isPaste = false

  read(chunk: string): string {
    let rest = this.#held + chunk
    this.#held = ''
    let out = ''
    for (;;) {
      const mark = this.#isPaste ? PASTE_ENDS : PASTE_BEGINS
      const at = rest.indexOf(mark)
      if (at === -1) break
      out += this.#shown(rest.slice(0, at))
      rest = rest.slice(at + mark.length)
      this.#isPaste = !this.#isPaste
    }
    if (this.#isPaste) {
      this.#held = rest.slice(0, PASTE_CHARACTERS_MAX)
      return out
    }
    const cut = beginningOfMark(rest)
    this.#held = rest.slice(rest.length - cut)
    return out + rest.slice(0, rest.length - cut)
  }

  #shown(text: string): string {
    return this.#isPaste ? asShown(text) : text
  }
}

/** Characters at the end that may begin a mark; an escape key waits for the key after it. */
function beginningOfMark(text: string): number {
  for (let length = PASTE_BEGINS.length - 1; length >= 1; length--) {
    if (text.endsWith(PASTE_BEGINS.slice(0, length))) return length
  }
  return 0
}

interface Terminal extends Readable {
  setRawMode?: (isRaw: boolean) => unknown
}

/** Gives each reader of a line its own stream, which ends with the line. */
export class TerminalInput {
  readonly #terminal: Terminal
  readonly #pastes = new PasteReader()
  /** What follows the line that was read last: bounded by what a terminal holds for a reader. */
  #waiting = ''
  #reader: PassThrough | null = null

  constructor(terminal: Terminal) {
    this.#terminal = terminal
    terminal.setEncoding('utf8')
    terminal.on('data', (chunk: string) => {
      this.#waiting += this.#pastes.read(chunk)
      this.#feed()
    })
    for (const end of ['end', 'close']) terminal.on(end, () => this.#reader?.end())
    terminal.pause()
  }

  /** As `readline` needs it of a terminal. */
  open(): Readable {
    const reader = Object.assign(new PassThrough({ encoding: 'utf8' }), {
      isTTY: true,
      setRawMode: (isRaw: boolean) => this.#terminal.setRawMode?.(isRaw)
    })
    this.#reader = reader
    this.#terminal.resume()
    this.#feed()
    return reader
  }

  /** The line has been read. Until the next one the terminal is as other programs have it. */
  close(): void {
    this.#reader = null
    this.#terminal.pause()
  }

  #feed(): void {
    const reader = this.#reader
    if (reader === null || this.#waiting === '') return
    const [line] = /^[^\r\n]*(?:\r\n|[\r\n])?/.exec(this.#waiting)!
    this.#waiting = this.#waiting.slice(line.length)
    reader.write(line)
    if (/[\r\n]$/.test(line)) this.#reader = null // the rest is for the next one
  }
}
