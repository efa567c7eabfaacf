/**
 * A seeded generator of numbers in [0, 1): the same seed gives the same numbers on every machine,
 * so what is made from them can be compared byte by byte.
 */
export function xorshift(seed: number): () => number {
  let state = seed >>> 0 || 1 // zero would stay zero for ever
  return () => {
    state ^= state << 13
    state >>>= 0
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state / 2 ** 32
  }
}
