/** Puts the lines between two `"""` together to one, as a question or as the text of a command. */

const MARK = '"""'
/** As the contract of an inference has it. */
const CHARACTERS_MAX = 1_048_576

export class Blocks {
  #lines: string[] | null = null // at most CHARACTERS_MAX characters

  /** True after a `"""` that has not been closed. */
  get isOpen(): boolean {
    return this.#lines !== null
  }

  /** Null: the block goes on. */
  read(line: string): string | null {
    if (this.#lines === null) {
      const isBlock = /^\s*(?:"""|\/\S+\s+(?:\S+\s+)?""")/.test(line)
      if (!isBlock) return line
      this.#lines = [line.replace(MARK, '')]
    } else this.#lines.push(line)
    const [last = ''] = this.#lines.slice(-1)
    const text = this.#lines.join('\n')
    if (!last.trimEnd().endsWith(MARK) && text.length <= CHARACTERS_MAX) return null
    this.#lines = null
    return text
      .trimEnd()
      .replace(/"""$/, '')
      .trimEnd()
      .replace(/^(\/\S+(?: +\S+)? *)\n/, '$1')
  }

  /** Forgets what has come. */
  cancel(): void {
    this.#lines = null
  }
}
