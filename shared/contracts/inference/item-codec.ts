/**
 * An item of an inference in bytes: of most tokens only the place, the id and the text are to be
 * told, and they come by the thousand. Everything else an item may have is JSON behind them.
 *
 *   flags, seq, count, tokenId × count, text, [rest]
 *
 * Numbers and texts as in shared/rpc/SPEC.md; `rest` (flag 1) is a text with a JSON object.
 */
import { Compile } from '#shared/validator.ts'
import { HaifError } from '#shared/errors.ts'
import type { ByteReader, ByteWriter } from '#shared/rpc/bytes.ts'
import { check } from '#shared/rpc/check.ts'
import { parseJson } from '#shared/kit/parse-json.ts'
import type { ItemCodec } from '#shared/rpc/items.ts'
import { InferenceItem, ITEM_CHARACTERS_MAX, ITEM_TOKENS_MAX } from './answer.ts'

const HAS_REST = 1
const validator = Compile(InferenceItem)

/**
 * One codec for all hops, so that each passes on the bytes that it got. An item with a rest is
 * checked against the schema; one without fits it by the way it is read.
 */
export const itemCodec: ItemCodec<InferenceItem> = {
  encode,
  decode(from) {
    const { item, rest } = decode(from)
    if (rest === null) return item
    return check(validator, { ...rest, ...item }, 'item', 'INTERNAL')
  }
}

function encode(item: InferenceItem, to: ByteWriter): void {
  const { seq, tokenIds, text } = item
  const rest = restOf(item)
  to.uint(rest === null ? 0 : HAS_REST)
  to.uint(seq)
  to.uint(tokenIds.length)
  for (let i = 0; i < tokenIds.length; i++) to.uint(tokenIds[i]!)
  to.text(text)
  if (rest !== null) to.text(JSON.stringify(rest))
}

function decode(from: ByteReader): { item: InferenceItem; rest: object | null } {
  const flags = from.uint()
  const seq = from.uint()
  const count = from.uint()
  if (count > ITEM_TOKENS_MAX) throw misfit(`tokenIds must have at most ${ITEM_TOKENS_MAX} entries`)
  const tokenIds: number[] = []
  for (let i = 0; i < count; i++) tokenIds.push(from.uint())
  const text = from.text()
  if (text.length > ITEM_CHARACTERS_MAX) {
    throw misfit(`text must have at most ${ITEM_CHARACTERS_MAX} characters`)
  }
  const item = { seq, tokenIds, text }
  if (flags === 0) return { item, rest: null }
  if (flags !== HAS_REST) throw new Error(`unknown flags ${flags}`)
  return { item, rest: parseJson(from.text()) as object }
}

function restOf(item: InferenceItem): object | null {
  for (const name in item) {
    if (name === 'seq' || name === 'tokenIds' || name === 'text') continue
    const { seq: _seq, tokenIds: _ids, text: _text, ...rest } = item
    return rest
  }
  return null
}

const misfit = (message: string): HaifError => new HaifError('INTERNAL', `item: ${message}`)
