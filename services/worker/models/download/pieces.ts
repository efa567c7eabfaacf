/**
 * Which pieces of a file have arrived, and which are under way. Pure; what is kept between two
 * starts is one bit a piece.
 */

export const PIECE_BYTES = 1 << 20
/** Files of four terabytes; their map has half a megabyte. */
const PIECES_MAX = 1 << 22

/** Some pieces in a row, for one connection. */
export interface Run {
  /** The next piece that it waits for. */
  next: number
  /** The piece after its last one. */
  end: number
}

export class Pieces {
  readonly sizeBytes: number
  readonly count: number
  readonly #here: Uint8Array
  readonly #runs = new Set<Run>() // one for each connection
  #arrived = 0

  /** `kept`: what `map` gave at an earlier start; another size makes it worthless. */
  constructor(sizeBytes: number, kept?: string) {
    this.sizeBytes = sizeBytes
    this.count = Math.ceil(sizeBytes / PIECE_BYTES)
    if (this.count > PIECES_MAX) throw new RangeError('the file is larger than any model')
    this.#here = new Uint8Array(Math.ceil(this.count / 8))
    const bytes = Buffer.from(kept ?? '', 'base64')
    if (bytes.length === this.#here.length) this.#here.set(bytes)
    for (let piece = 0; piece < this.count; piece++) if (this.has(piece)) this.#arrived++
  }

  get map(): string {
    return Buffer.from(this.#here).toString('base64')
  }

  get areAllHere(): boolean {
    return this.#arrived === this.count
  }

  get arrivedBytes(): number {
    const last = this.count - 1
    const missing = this.#arrived * PIECE_BYTES
    return last >= 0 && this.has(last)
      ? missing - (this.count * PIECE_BYTES - this.sizeBytes)
      : missing
  }

  get missing(): number {
    return this.count - this.#arrived
  }

  has(piece: number): boolean {
    return ((this.#here[piece >> 3] ?? 0) & (1 << (piece & 7))) !== 0
  }

  arrived(piece: number): void {
    if (this.has(piece)) return
    this.#here[piece >> 3]! |= 1 << (piece & 7)
    this.#arrived++
  }

  /** What is at its place is not what belongs there. */
  lost(piece: number): void {
    if (!this.has(piece)) return
    this.#here[piece >> 3]! &= ~(1 << (piece & 7))
    this.#arrived--
  }

  /** Nothing of what was here is true. */
  forget(): void {
    this.#here.fill(0)
    this.#arrived = 0
  }

  /**
   * The first pieces that nobody fetches, at most so many; where all are under way, the second half
   * of the longest run. Null when there is nothing left to help with.
   */
  take(most: number): Run | null {
    const taken = [...this.#runs]
    const isFree = (piece: number) =>
      !this.has(piece) && !taken.some(({ next, end }) => piece >= next && piece < end)
    for (let next = 0; next < this.count; next++) {
      if (!isFree(next)) continue
      let end = next + 1
      while (end < this.count && end - next < most && isFree(end)) end++
      return this.#begin({ next, end })
    }
    return this.#half(taken)
  }

  #half(taken: readonly Run[]): Run | null {
    const [longest] = taken.toSorted((a, b) => b.end - b.next - (a.end - a.next))
    if (longest === undefined || longest.end - longest.next < HALVED_MIN) return null
    const { end } = longest
    longest.end = longest.next + Math.ceil((end - longest.next) / 2)
    return this.#begin({ next: longest.end, end })
  }

  giveBack(run: Run): void {
    this.#runs.delete(run)
  }

  #begin(run: Run): Run {
    this.#runs.add(run)
    return run
  }
}

/** A connection of its own for less costs more than it saves. */
const HALVED_MIN = 8
