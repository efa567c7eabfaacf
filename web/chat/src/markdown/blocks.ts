/**
 * A text that grows, as blocks. A block that another one follows cannot change any more, so with
 * each frame only the last block is parsed again, however long the answer has become.
 */
import type { Token } from 'marked'
import { parse } from './render.ts'

export class GrowingBlocks {
  /** Final ones; the last element of `take` may still change. */
  readonly #done: Token[] = []
  #doneCharacters = 0

  /** The whole text so far; it may only have grown since the last time. */
  take(text: string): readonly Token[] {
    const lines = text.replaceAll(/\r\n?/g, '\n') // the parser does, and positions must agree
    const tail = parse(lines.slice(this.#doneCharacters)).filter(({ raw }) => raw !== '')
    const last = tail.findLastIndex(({ type }) => type !== 'space')
    for (const token of tail.slice(0, Math.max(0, last))) {
      this.#doneCharacters += token.raw.length
      if (token.type !== 'space') this.#done.push(token)
    }
    const open = last < 0 ? undefined : tail[last]
    return open === undefined ? [...this.#done] : [...this.#done, open]
  }
}
