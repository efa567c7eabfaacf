/**
 * Items of a stream as they travel: some at a time, and as the bytes that came, so that a service
 * that only passes them on never takes them apart.
 */
import type { Static, TSchema } from 'typebox'
import type { Validator } from '#shared/validator.ts'
import { HaifError } from '#shared/errors.ts'
import { ByteReader, ByteWriter } from './bytes.ts'
import { check } from './check.ts'
import { parseJson } from '#shared/kit/parse-json.ts'

/** Shared frames have far fewer; this bounds the memory that a small malicious frame can take. */
export const ITEMS_PER_FRAME_MAX = 4096

/** Writes and reads the items of a contract. */
export interface ItemCodec<Item> {
  encode(item: Item, to: ByteWriter): void
  /** Throws a HaifError where an item does not fit its contract, another error where it is none. */
  decode(from: ByteReader): Item
}

/** Every item as JSON, which is right where items are few. */
export function jsonCodec<Schema extends TSchema>(
  validator: Validator<Schema>,
  what: string
): ItemCodec<Static<Schema>> {
  return {
    encode: (item, to) => to.text(JSON.stringify(item) ?? 'null'),
    decode: (from) => check(validator, parseJson(from.text()), what, 'INTERNAL')
  }
}

export class ItemBatch<Item> {
  readonly #codec: ItemCodec<Item>
  #items: readonly Item[] | null
  #bytes: Uint8Array | null

  private constructor(
    codec: ItemCodec<Item>,
    items: readonly Item[] | null,
    bytes: Uint8Array | null
  ) {
    this.#codec = codec
    this.#items = items
    this.#bytes = bytes
  }

  static of<Item>(codec: ItemCodec<Item>, items: readonly Item[]): ItemBatch<Item> {
    return new ItemBatch(codec, items, null)
  }

  static received<Item>(codec: ItemCodec<Item>, bytes: Uint8Array): ItemBatch<Item> {
    return new ItemBatch<Item>(codec, null, bytes)
  }

  /** A batch that begins with one more item. */
  after(item: Item): ItemBatch<Item> {
    const writer = new ByteWriter()
    this.#codec.encode(item, writer)
    return ItemBatch.received(this.#codec, Buffer.concat([writer.take(), this.bytes(this.#codec)]))
  }

  /**
   * Decodes at the first call. Malformed bytes are PEER_LOST, because another peer may do better.
   */
  items(): readonly Item[] {
    this.#items ??= decodeItems(this.#codec, this.#bytes ?? new Uint8Array())
    return this.#items
  }

  /** The bytes as they came, or written anew where another codec is spoken. */
  bytes(codec: ItemCodec<Item>): Uint8Array {
    if (this.#bytes !== null && codec === this.#codec) return this.#bytes
    const writer = new ByteWriter()
    for (const item of this.items()) codec.encode(item, writer)
    const bytes = writer.take()
    if (codec === this.#codec) this.#bytes = bytes
    return bytes
  }
}

/** Reads the items of a stream of batches one by one, for readers that look at them. */
export async function* itemByItem<Item, End>(
  stream: AsyncGenerator<Item | ItemBatch<Item>, End, void>
): AsyncGenerator<Item, End, void> {
  await using source = stream // the reader may leave
  for (;;) {
    const { done, value } = await source.next()
    if (done === true) return value
    if (value instanceof ItemBatch) yield* value.items()
    else yield value
  }
}

function decodeItems<Item>(codec: ItemCodec<Item>, bytes: Uint8Array): Item[] {
  const reader = new ByteReader(bytes)
  const items: Item[] = []
  try {
    while (reader.left > 0) {
      if (items.length >= ITEMS_PER_FRAME_MAX) throw new Error('too many items at once')
      items.push(codec.decode(reader))
    }
    return items
  } catch (error) {
    if (error instanceof HaifError) throw error
    throw new HaifError('PEER_LOST', 'the peer sent a malformed item', { cause: error })
  }
}
