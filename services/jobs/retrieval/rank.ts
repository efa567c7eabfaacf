/**
 * Which documents answer a query best: by their words (BM25), by their vectors (cosine), or by both
 * together. Pure.
 */

interface RankedDocument {
  text: string
  vector: ArrayLike<number> | null
}

interface Query {
  text: string
  vector: ArrayLike<number> | null
}

interface Score {
  /** The place of the document in what was given. */
  index: number
  /** From 0 to 1. */
  score: number
  /** The same by words and by vectors alone; null where one of the two has no vector. */
  words: number
  meaning: number | null
}

/** Usual values: Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009. */
const K1 = 1.2
const B = 0.75
/** The share of the vectors where both are known. */
const MEANING_SHARE = 0.5

/** The best first; those that have nothing in common with the query are left out. */
export function rank(documents: readonly RankedDocument[], query: Query, most: number): Score[] {
  const words = relative(bm25(documents, query.text))
  const scores = documents.map(({ vector }, index): Score => {
    const own = words[index]!
    const meaning =
      query.vector === null || vector === null ? null : Math.max(0, cosine(query.vector, vector))
    const score = meaning === null ? own : MEANING_SHARE * meaning + (1 - MEANING_SHARE) * own
    return { index, score, words: own, meaning }
  })
  return scores
    .filter(({ score }) => score > 0)
    .toSorted((a, b) => b.score - a.score || a.index - b.index)
    .slice(0, most)
}

function bm25(documents: readonly RankedDocument[], query: string): number[] {
  const wanted = [...new Set(wordsOf(query))]
  const counts = documents.map(({ text }) => countsOf(wordsOf(text), wanted))
  const average = counts.reduce((sum, { length }) => sum + length, 0) / Math.max(1, counts.length)
  const rarity = wanted.map((word) => {
    const having = counts.filter(({ of }) => of.has(word)).length
    return Math.log(1 + (documents.length - having + 0.5) / (having + 0.5))
  })
  return counts.map(({ of, length }) =>
    wanted.reduce((sum, word, i) => {
      const count = of.get(word) ?? 0
      const longer = 1 - B + (B * length) / Math.max(1, average)
      return sum + (rarity[i]! * count * (K1 + 1)) / (count + K1 * longer)
    }, 0)
  )
}

function countsOf(words: readonly string[], wanted: readonly string[]) {
  const of = new Map<string, number>()
  const known = new Set(wanted)
  for (const word of words) if (known.has(word)) of.set(word, (of.get(word) ?? 0) + 1)
  return { of, length: words.length }
}

/** Words of any language; where a language has no spaces, its characters one by one. */
function wordsOf(text: string): string[] {
  return text.toLowerCase().normalize('NFKC').match(WORD) ?? []
}

const WORD =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|[\p{L}\p{N}\p{M}]+/gu

/** The best is 1. */
function relative(scores: readonly number[]): number[] {
  const most = scores.reduce((max, score) => Math.max(max, score), 0)
  return scores.map((score) => (most === 0 ? 0 : score / most))
}

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return 0
  let [product, lengthA, lengthB] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    product += a[i]! * b[i]!
    lengthA += a[i]! * a[i]!
    lengthB += b[i]! * b[i]!
  }
  return lengthA === 0 || lengthB === 0 ? 0 : product / Math.sqrt(lengthA * lengthB)
}
