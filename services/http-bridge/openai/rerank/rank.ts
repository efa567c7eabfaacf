/** Orders documents by how near their vectors are to that of a query. */

interface Ranked {
  /** The place of the document. */
  index: number
  /** The cosine of the angle between both vectors; all have length 1. */
  score: number
}

/** The best first; of equals the earlier one. `first` bounds how many. */
export function rank(
  query: Float32Array,
  documents: readonly Float32Array[],
  first = documents.length
): Ranked[] {
  return documents
    .map((vector, index) => ({ index, score: product(query, vector) }))
    .toSorted((a, b) => b.score - a.score || a.index - b.index)
    .slice(0, first)
}

const product = (one: Float32Array, other: Float32Array): number =>
  one.reduce((sum, value, index) => sum + value * (other[index] ?? 0), 0)
