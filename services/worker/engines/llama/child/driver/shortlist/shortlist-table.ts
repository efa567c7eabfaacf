/**
 * The rows of logits whose shortlists are to be made in a step, in memory that several threads
 * share: each takes the next row until none is left.
 *
 * A thread may be late: it must not take a row of the next step for one of this. So the counter
 * that is taken from carries the number of the round.
 */
import assert from 'node:assert/strict'
import { SHORTLIST_MAX, writeShortlist, type Shortlist } from './shortlist.ts'

export interface ShortlistRow {
  /** Of the logits, for C. */
  address: bigint
  /** The tokens asked for. */
  size: number
}

export interface TableMemory {
  control: SharedArrayBuffer
  addresses: SharedArrayBuffer
  sizes: SharedArrayBuffer
  ids: SharedArrayBuffer
  logits: SharedArrayBuffer
}

const [NEXT, COUNT, DONE, BELL] = [0, 1, 2, 3]
const CONTROL_WORDS = 4
/** A busy machine may keep a thread from its core for long. */
const ROW_MS_MAX = 20_000
const ROW_BITS = 12
const ROW_MASK = (1 << ROW_BITS) - 1
const ROUNDS = 1 << (31 - ROW_BITS)
/** More answers than any model has slots for. */
const ROWS_MAX = ROW_MASK

export function newTableMemory(rowsMax: number): TableMemory {
  assert(rowsMax <= ROWS_MAX)
  const words = (count: number) => new SharedArrayBuffer(count * Int32Array.BYTES_PER_ELEMENT)
  return {
    control: words(CONTROL_WORDS),
    addresses: new SharedArrayBuffer(rowsMax * BigInt64Array.BYTES_PER_ELEMENT),
    sizes: words(rowsMax),
    ids: words(rowsMax * SHORTLIST_MAX),
    logits: words(rowsMax * SHORTLIST_MAX)
  }
}

export class ShortlistTable {
  readonly #control: Int32Array
  readonly #addresses: BigInt64Array
  readonly #sizes: Int32Array
  readonly #ids: Int32Array
  readonly #logits: Float32Array
  readonly #logitsAt: (address: bigint) => Float32Array
  #round = 0

  constructor(memory: TableMemory, logitsAt: (address: bigint) => Float32Array) {
    this.#control = new Int32Array(memory.control)
    this.#addresses = new BigInt64Array(memory.addresses)
    this.#sizes = new Int32Array(memory.sizes)
    this.#ids = new Int32Array(memory.ids)
    this.#logits = new Float32Array(memory.logits)
    this.#logitsAt = logitsAt
  }

  /** Makes all shortlists, with whoever waits for rows; for the thread that owns the table. */
  fill(rows: readonly ShortlistRow[]): Shortlist[] {
    assert(rows.length <= this.#sizes.length)
    for (const [i, { address, size }] of rows.entries()) {
      assert(size <= SHORTLIST_MAX)
      this.#addresses[i] = address
      this.#sizes[i] = size
    }
    this.#round = (this.#round + 1) % ROUNDS
    Atomics.store(this.#control, DONE, 0)
    Atomics.store(this.#control, COUNT, (this.#round << ROW_BITS) | rows.length)
    Atomics.store(this.#control, NEXT, this.#round << ROW_BITS)
    Atomics.add(this.#control, BELL, 1)
    Atomics.notify(this.#control, BELL)
    this.takeRows()
    for (let done = 0; (done = Atomics.load(this.#control, DONE)) < rows.length;) {
      const woken = Atomics.wait(this.#control, DONE, done, ROW_MS_MAX)
      assert(woken !== 'timed-out', 'a thread that made a shortlist has ended')
    }
    return rows.map((_, i) => this.#rowOf(i))
  }

  /** Makes shortlists until no row is left. */
  takeRows(): void {
    for (;;) {
      const taken = Atomics.add(this.#control, NEXT, 1)
      const count = Atomics.load(this.#control, COUNT)
      const isOfThisRound = taken >> ROW_BITS === count >> ROW_BITS
      const row = taken & ROW_MASK
      if (!isOfThisRound || row >= (count & ROW_MASK)) return
      writeShortlist(this.#logitsAt(this.#addresses[row]!), this.#rowOf(row))
      Atomics.add(this.#control, DONE, 1)
      Atomics.notify(this.#control, DONE)
    }
  }

  /** Blocks the thread until there may be rows. */
  serve(): never {
    for (let heard = Atomics.load(this.#control, BELL); ;) {
      Atomics.wait(this.#control, BELL, heard)
      heard = Atomics.load(this.#control, BELL)
      this.takeRows()
    }
  }

  #rowOf(row: number): Shortlist {
    const from = row * SHORTLIST_MAX
    const to = from + this.#sizes[row]!
    return { ids: this.#ids.subarray(from, to), logits: this.#logits.subarray(from, to) }
  }
}
