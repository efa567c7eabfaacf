/**
 * node rows.ts [vocabulary size]
 *
 * Turns the corpus into rows of token ids for train.py: short rows, where most of the learning
 * happens at half the price, and long ones, which make the whole context usable.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { bpeVocabulary, SPECIAL_TOKENS } from './gguf/vocabulary.ts'
import type { Chat } from './chats/chat.ts'
import { learnMerges } from './merges.ts'
import { openTokenizer, type Tokenizer } from './tokenizer.ts'

const SHORT_ROW = 192
const LONG_ROW = 640 // more than the context, so that its end is familiar ground
const CONTEXT_LENGTH = 512
const SAMPLE_CHATS = 60_000 // enough to learn the vocabulary from

/** How much a token counts in the loss: not at all, a little (the question), fully (the answer). */
const WEIGHT = { padding: 0, context: 1, answer: 2 } as const
type WeightedId = readonly [id: number, weight: number]

/** Chats back to back, each whole within one row; what is left of a row is padding. */
class Rows {
  readonly #length: number
  readonly #padding: number
  readonly #ids: number[] = []
  readonly #weights: number[] = []

  constructor(length: number, padding: number) {
    this.#length = length
    this.#padding = padding
  }

  /** The end-of-text token between two chats says that the first one may be forgotten. */
  add(chat: readonly WeightedId[]): boolean {
    if (chat.length > this.#length) return false
    if (this.#used + chat.length + 1 > this.#length) this.#pad()
    if (this.#used > 0) this.#push(this.#padding, WEIGHT.context)
    for (const [id, weight] of chat) this.#push(id, weight)
    return true
  }

  save(name: string): void {
    this.#pad()
    writeFileSync(build(`${name}-ids.bin`), Buffer.from(Uint16Array.from(this.#ids).buffer))
    writeFileSync(build(`${name}-weights.bin`), Uint8Array.from(this.#weights))
    const answers = this.#weights.filter((weight) => weight === WEIGHT.answer).length
    console.log(`${name}: ${this.#ids.length / this.#length} rows, ${answers} answer tokens`)
  }

  get #used(): number {
    return this.#ids.length % this.#length
  }

  #push(id: number, weight: number): void {
    this.#ids.push(id)
    this.#weights.push(weight)
  }

  #pad(): void {
    while (this.#used > 0) this.#push(this.#padding, WEIGHT.padding)
  }
}

function encodeChat(tokenizer: Tokenizer, { messages, template }: Chat): WeightedId[] {
  const ids: WeightedId[] = []
  const add = (tokens: readonly number[], weight: number) => {
    for (const id of tokens) ids.push([id, weight])
  }
  const start = tokenizer.special('<|im_start|>')
  const end = tokenizer.special('<|im_end|>')
  const newline = tokenizer.plain('\n')
  for (const [role, content] of messages) {
    const answer = role === 'assistant'
    const weight = answer ? WEIGHT.answer : WEIGHT.context
    if (template) add([start, ...tokenizer.plain(role), ...newline], WEIGHT.context)
    add(tokenizer.plain(content), weight)
    if (template || answer) add([end], weight)
    if (template) add(newline, WEIGHT.context)
  }
  return ids
}

const build = (name: string): string => fileURLToPath(new URL(`build/${name}`, import.meta.url))
const readChats = (name: string): Chat[] =>
  readFileSync(build(name), 'utf8')
    .split('\n')
    .map((line): Chat => JSON.parse(line))

function* textsOf(chats: readonly Chat[]): Generator<string> {
  for (const { messages } of chats) {
    for (const [role, content] of messages) {
      yield `${role}\n`
      yield content
    }
  }
}

const vocabularySize = Number(process.argv[2] ?? 1536)
const chats = readChats('chats.jsonl')
const merges = learnMerges(
  textsOf(chats.slice(0, SAMPLE_CHATS)),
  vocabularySize - 256 - SPECIAL_TOKENS.length
)
writeFileSync(build('merges.json'), JSON.stringify(merges))
const vocabulary = bpeVocabulary(merges, { padTo: vocabularySize })
const tokenizer = await openTokenizer(vocabulary, build('vocabulary.gguf'))

const padding = tokenizer.special('<|endoftext|>')
const short = new Rows(SHORT_ROW, padding)
const long = new Rows(LONG_ROW, padding)
for (const chat of chats) {
  const ids = encodeChat(tokenizer, chat)
  if (!short.add(ids)) long.add(ids)
}
for (const chat of readChats('long-chats.jsonl')) long.add(encodeChat(tokenizer, chat))
short.save('short')
long.save('long')
writeFileSync(
  build('rows.json'),
  JSON.stringify({
    vocabularySize,
    shortRow: SHORT_ROW,
    longRow: LONG_ROW,
    contextLength: CONTEXT_LENGTH
  })
)
await tokenizer.close()
