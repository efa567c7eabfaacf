/**
 * Answers drawn at random under a grammar, by llama.cpp's own engine on the built-in model's
 * vocabulary: it needs no weights, and its first 256 tokens are the bytes.
 */
import { getLlama, LlamaLogLevel } from 'node-llama-cpp'
import type { Grammar } from '../../../../../../../services/worker/engines/llama/child/grammar.ts'
import { LibraryGrammars } from '../../../../../../../services/worker/engines/llama/child/library/library-grammar.ts'
import { LibraryVocabulary } from '../../../../../../../services/worker/engines/llama/child/library/library-vocabulary.ts'
import type { Strictness } from '../../../../../../../services/worker/engines/llama/child/schema/alternatives.ts'
import type { Schema } from '../../../../../../../services/worker/engines/llama/child/schema/references.ts'
import { SchemaRules } from '../../../../../../../services/worker/engines/llama/child/schema/schema-rules.ts'
import type { Token } from '../../../../../../../services/worker/engines/llama/child/vocabulary.ts'
import { seededRandom, type Random } from '../../../../../../helpers/random.ts'
import { BUILTIN_MODEL } from '../../engines.ts'

const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error })
const model = await llama.loadModel({ modelPath: BUILTIN_MODEL, vocabOnly: true })
const vocabulary = new LibraryVocabulary(model)
const grammars = new LibraryGrammars(llama, model)

const TOKENS = Array.from({ length: vocabulary.size }, (_, id) => id as Token)
const END = TOKENS.find((token) => vocabulary.isEog(token))!
const BYTES = TOKENS.slice(0, 256)
const PRINTABLE = BYTES.slice(0x20, 0x7f)
/** The pieces of several characters. */
const PIECES = TOKENS.slice(256).filter((token) => !vocabulary.isControl(token))
const CLOSING = Array.from('"}]', (each) => byteToken(each))

/** After so many tokens an answer is ended as soon as the grammar lets it. */
const LONG_TOKENS = 250
const TOKENS_MAX = 3000

function byteToken(character: string): Token {
  return BYTES[character.charCodeAt(0)]!
}

/** The grammar of a schema's values. */
export function grammarOf(schema: Schema, strictness?: Strictness): Grammar {
  const rules = new SchemaRules()
  const root = rules.add(schema, strictness)
  return grammars.compile(`root ::= ${root}\n${rules.text}`)
}

/** True when the grammar can write this text, and end there. */
export function writes(grammar: Grammar, text: string): boolean {
  const state = grammar.begin()
  for (const byte of Buffer.from(text)) {
    if (!state.allows(BYTES[byte]!)) return false
    state.accept(BYTES[byte]!)
  }
  return state.allows(END)
}

/** `spelled` has characters that a long answer may need to end, such as those of a pattern. */
export function randomAnswer(grammar: Grammar, seed: number, spelled = ''): string {
  const random = seededRandom(seed)
  const state = grammar.begin()
  const bytes: number[] = []
  for (let count = 0; ; count++) {
    const isLong = count > LONG_TOKENS
    if (count > TOKENS_MAX) throw new Error(`no end after ${textOf(bytes).slice(0, 500)}`)
    const isWhole = continuations(bytes) === null
    if (isWhole && state.allows(END) && (isLong || random.next() < 0.5)) return textOf(bytes)
    const end = isLong ? spelled[count % (spelled.length || 1)] : undefined
    const token = candidates(bytes, random, isLong, end).find((each) => state.allows(each))
    if (token === undefined) {
      if (isWhole && state.allows(END)) return textOf(bytes)
      throw new Error(`nothing may follow ${textOf(bytes)}`)
    }
    state.accept(token)
    bytes.push(...bytesOf(token))
  }
}

function* candidates(
  bytes: readonly number[],
  random: Random,
  isLong: boolean,
  spelled: string | undefined
): Generator<Token, undefined> {
  const next = continuations(bytes)
  if (next !== null) {
    const [from, to] = next
    return yield* shuffled(BYTES.slice(from, to + 1), random)
  }
  if (spelled !== undefined) yield* [CLOSING[0]!, byteToken(spelled)]
  if (isLong) yield* [...CLOSING, byteToken(',')]
  else if (random.next() < 0.3) yield* shuffled(CLOSING, random)
  const draw = random.next()
  if (draw < 0.1) yield* shuffled(PIECES, random).slice(0, 200)
  else if (draw < 0.2) yield* shuffled(BYTES.slice(0xc2, 0xf5), random).slice(0, 8)
  yield* shuffled(PRINTABLE, random)
  yield* BYTES
}

/** The bytes that may follow in the middle of a UTF-8 character; null between characters. */
function continuations(bytes: readonly number[]): [from: number, to: number] | null {
  const at = bytes.findLastIndex((byte) => byte < 0x80 || byte >= 0xc0)
  const first = bytes[at] ?? 0
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1
  if (at === -1 || bytes.length - at >= length) return null
  const second: Record<number, [number, number]> = {
    0xe0: [0xa0, 0xbf],
    0xed: [0x80, 0x9f],
    0xf0: [0x90, 0xbf],
    0xf4: [0x80, 0x8f]
  }
  return (bytes.length - at === 1 ? second[first] : undefined) ?? [0x80, 0xbf]
}

const bytesOf = (token: Token): Iterable<number> =>
  token < 256 ? [token] : Buffer.from(vocabulary.detokenize([token]))

const textOf = (bytes: readonly number[]): string => Buffer.from(bytes).toString()

function shuffled(tokens: readonly Token[], random: Random): Token[] {
  const result = [...tokens]
  for (let i = result.length - 1; i > 0; i--) {
    const j = random.between(0, i + 1)
    const last = result[i]!
    result[i] = result[j]!
    result[j] = last
  }
  return result
}
