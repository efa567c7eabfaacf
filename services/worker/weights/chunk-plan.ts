/**
 * Which chunk a source fetches next. Every source takes the next free one as soon as it has room,
 * so a fast one brings more than a slow one. At the end, what is still under way with one source is
 * asked of a second one, too: the slowest would hold up all. Pure.
 */
import assert from 'node:assert/strict'

/** Sources that fetch the same chunk at a time. */
const SOURCES_PER_CHUNK_MAX = 2
/** Failures of a source in a row, without a chunk between them, that end it. */
const FAILURES_MAX = 4

interface Standing {
  failures: number
  isOut: boolean
}

export class ChunkPlan<Source> {
  /** In their order, so that what is here grows from the front. */
  readonly #missing: Set<number>
  /** Those under way with their sources, the oldest first; bounded by sources and their room. */
  readonly #underWay = new Map<number, Set<Source>>()
  readonly #standing = new Map<Source, Standing>()

  constructor(chunks: number) {
    this.#missing = new Set(Array.from({ length: chunks }, (_, chunk) => chunk))
  }

  get isDone(): boolean {
    return this.#missing.size === 0
  }

  join(source: Source): void {
    this.#standing.set(source, { failures: 0, isOut: false })
  }

  /** Nothing more is asked of it. */
  isOut(source: Source): boolean {
    return this.#standing.get(source)?.isOut ?? true
  }

  /** An earlier try has brought it. */
  isHere(chunk: number): void {
    this.#missing.delete(chunk)
  }

  /** Null: there is nothing for this source now. */
  take(source: Source): number | null {
    if (this.isOut(source)) return null
    const chunk = this.#free() ?? this.#shared(source)
    if (chunk === null) return null
    const takers = this.#underWay.get(chunk) ?? new Set()
    this.#underWay.set(chunk, takers.add(source))
    return chunk
  }

  /** False: another source was faster. */
  arrived(source: Source, chunk: number): boolean {
    this.#leave(source, chunk)
    const standing = this.#standing.get(source)!
    standing.failures = 0
    return this.#missing.delete(chunk)
  }

  /** The chunk is free again. True: the source has failed too often, and is out. */
  failed(source: Source, chunk: number): boolean {
    this.#leave(source, chunk)
    const standing = this.#standing.get(source)!
    if (++standing.failures >= FAILURES_MAX) standing.isOut = true
    return standing.isOut
  }

  /** Nobody's fault: it was given up because another source was faster. */
  gaveUp(source: Source, chunk: number): void {
    this.#leave(source, chunk)
  }

  /** The source has sent what it does not have: nothing is asked of it again. */
  ban(source: Source, chunk: number): void {
    this.#leave(source, chunk)
    this.#standing.get(source)!.isOut = true
  }

  #free(): number | null {
    for (const chunk of this.#missing) if (!this.#underWay.has(chunk)) return chunk
    return null
  }

  #shared(source: Source): number | null {
    for (const [chunk, takers] of this.#underWay) {
      const isOpen = takers.size < SOURCES_PER_CHUNK_MAX && !takers.has(source)
      if (isOpen && this.#missing.has(chunk)) return chunk
    }
    return null
  }

  #leave(source: Source, chunk: number): void {
    const takers = this.#underWay.get(chunk)
    assert.ok(takers !== undefined && takers.delete(source), 'it has not taken that chunk')
    if (takers.size === 0) this.#underWay.delete(chunk)
  }
}
