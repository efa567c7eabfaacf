/**
 * The likeliest tokens of a vocabulary, in order. A chain of samplers that begins with top-k draws
 * the same token from this list as from everything, and llama.cpp would copy everything first,
 * twelve bytes for each token of the vocabulary, into memory of its own for each answer.
 *
 * Four logits are looked at together, because nearly all are too small, and that takes less than
 * half the time.
 */
export interface Shortlist {
  /** The likeliest first; as many as were asked for, or the whole vocabulary. */
  ids: Int32Array
  logits: Float32Array
}

export const SHORTLIST_MAX = 256

/** Writes the `ids.length` likeliest tokens; returns how many there are. */
export function writeShortlist(logits: Float32Array, list: Shortlist): number {
  const size = Math.min(list.ids.length, logits.length)
  if (size === 1) writeLikeliest(logits, list)
  else writeMany(logits, list, size)
  return size
}

function writeLikeliest(logits: Float32Array, { ids, logits: kept }: Shortlist): void {
  let best = 0
  let most = logits[0]!
  const [end, whole] = [logits.length, logits.length - 3]
  for (let i = 0; i < end;) {
    const stop = Math.min(i + 4, end)
    if (
      i >= whole ||
      logits[i]! > most ||
      logits[i + 1]! > most ||
      logits[i + 2]! > most ||
      logits[i + 3]! > most
    ) {
      for (; i < stop; i++) {
        const logit = logits[i]!
        if (logit <= most) continue
        best = i
        most = logit
      }
    }
    i = stop
  }
  ids[0] = best
  kept[0] = most
}

/** Keeps the likeliest so far as a heap whose root is the least of them. */
function writeMany(logits: Float32Array, list: Shortlist, size: number): void {
  const { ids, logits: heap } = list
  for (let i = 0; i < size; i++) {
    ids[i] = i
    heap[i] = logits[i]!
  }
  for (let i = size >> 1; i-- > 0;) sink(list, i, size)
  let least = heap[0]!
  const [end, whole] = [logits.length, logits.length - 3]
  for (let i = size; i < end;) {
    const stop = Math.min(i + 4, end)
    if (
      i >= whole ||
      logits[i]! > least ||
      logits[i + 1]! > least ||
      logits[i + 2]! > least ||
      logits[i + 3]! > least
    ) {
      for (; i < stop; i++) {
        const logit = logits[i]!
        if (logit <= least) continue
        ids[0] = i
        heap[0] = logit
        sink(list, 0, size)
        least = heap[0]!
      }
    }
    i = stop
  }
  for (let left = size - 1; left > 0; left--) {
    swap(list, 0, left)
    sink(list, 0, left)
  }
}

/** Of equal logits the later token counts as less, so that the first ones are kept. */
function isLess({ ids, logits }: Shortlist, a: number, b: number): boolean {
  if (logits[a]! !== logits[b]!) return logits[a]! < logits[b]!
  return ids[a]! > ids[b]!
}

function sink(list: Shortlist, from: number, size: number): void {
  for (let at = from; ;) {
    let least = at
    const child = 2 * at + 1
    if (child < size && isLess(list, child, least)) least = child
    if (child + 1 < size && isLess(list, child + 1, least)) least = child + 1
    if (least === at) return
    swap(list, at, least)
    at = least
  }
}

function swap({ ids, logits }: Shortlist, a: number, b: number): void {
  const [id, logit] = [ids[a]!, logits[a]!]
  ids[a] = ids[b]!
  logits[a] = logits[b]!
  ids[b] = id
  logits[b] = logit
}
