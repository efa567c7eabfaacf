/**
 * Learning a byte-level BPE vocabulary from the corpus.
 *
 * A word shall have the same pieces with and without a space in front of it, so that copying it is
 * copying its ids. Plain BPE does not give that (" zor|van" but "zo|rvan"). So the pieces of words
 * are learned first, without spaces; the merges that put a space in front come last, and only for
 * words that are one piece already.
 */
import { BYTE_SYMBOLS, type Merge } from './gguf/vocabulary.ts'

export function learnMerges(texts: Iterable<string>, wanted: number): Merge[] {
  const { words, spaced } = countWords(texts)
  const wordMerges = Math.round(wanted * WORD_MERGES_SHARE)
  const merges = mergePairs(words, wordMerges)
  return [...merges, ...mergeSpaces(words, spaced, wanted - wordMerges)]
}

const WORD_MERGES_SHARE = 0.65
const MIN_COUNT = 20 // a word seen less often is made up, and teaches nothing about words
const MIN_COUNT_CAPITALS = 400 // HAIF and GGUF, but not the words that were shouted once
const SPACE = BYTE_SYMBOLS[32]!

/** The same cut as llama.cpp's 'qwen2' pre-tokenizer: digits stand alone. */
const PRE_TOKEN =
  /(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+/gu

interface Word {
  symbols: string[]
  weight: number
}

/** Words without what stands before them, and how often each has a space in front. */
function countWords(texts: Iterable<string>) {
  const counts = new Map<string, number>()
  const spaced = new Map<string, number>()
  for (const text of texts) {
    for (const [piece] of text.matchAll(PRE_TOKEN)) {
      const word = piece.replace(/^[^\p{L}](?=\p{L})|^ (?=\S)/u, '')
      counts.set(word, (counts.get(word) ?? 0) + 1)
      if (piece === ` ${word}`) spaced.set(word, (spaced.get(word) ?? 0) + 1)
    }
  }
  const words = new Map<string, Word>()
  for (const [word, count] of counts) {
    // By the square root of the count: templates repeat far more often than language does.
    const least = /^\p{Lu}{2,}$/u.test(word) ? MIN_COUNT_CAPITALS : MIN_COUNT
    if (count >= least) words.set(word, { symbols: toSymbols(word), weight: Math.sqrt(count) })
  }
  return { words, spaced }
}

/** Plain BPE: join the heaviest neighbouring pair, again and again. */
function mergePairs(words: Map<string, Word>, wanted: number): Merge[] {
  const merges: Merge[] = []
  while (merges.length < wanted) {
    const pair = heaviestPair(words.values())
    if (pair === null) break
    merges.push(pair)
    for (const { symbols } of words.values()) join(symbols, pair)
  }
  return merges
}

function heaviestPair(words: Iterable<Word>): Merge | null {
  const weights = new Map<string, number>()
  for (const { symbols, weight } of words) {
    for (let i = 0; i + 1 < symbols.length; i++) {
      const key = `${symbols[i]} ${symbols[i + 1]}` // a real space is never a symbol
      weights.set(key, (weights.get(key) ?? 0) + weight)
    }
  }
  let best: string | null = null
  for (const [key, weight] of weights) if (weight > (weights.get(best ?? '') ?? 0)) best = key
  const [left, right] = best?.split(' ') ?? []
  return left === undefined || right === undefined ? null : [left, right]
}

function join(symbols: string[], [left, right]: Merge): void {
  for (let i = 0; i + 1 < symbols.length; i++) {
    if (symbols[i] === left && symbols[i + 1] === right) symbols.splice(i, 2, left + right)
  }
}

/** The commonest words of one piece. A single letter is more often the start of a longer word. */
function mergeSpaces(
  words: Map<string, Word>,
  spaced: Map<string, number>,
  wanted: number
): Merge[] {
  return Array.from(spaced)
    .filter(([word]) => words.get(word)?.symbols.length === 1 && !/^[b-zA-HJ-Z]$/.test(word))
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, wanted)
    .map(([word]) => [SPACE, words.get(word)!.symbols[0]!])
}

const toSymbols = (text: string): string[] =>
  Array.from(Buffer.from(text), (byte) => BYTE_SYMBOLS[byte]!)
