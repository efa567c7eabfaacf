/**
 * A contract names a call or a stream once, with the schema of everything that crosses the wire.
 * Both ends check it: the server the request, the caller what comes back.
 */
import type { Static, TSchema } from 'typebox'
import { Compile, type Validator } from '#shared/validator.ts'
import { jsonCodec, type ItemCodec } from './items.ts'
import type { Parties } from './parties.ts'

/** A call with one reply. */
export interface MethodContract<Request extends TSchema, Reply extends TSchema> {
  readonly kind: 'method'
  readonly name: string
  readonly parties: Parties
  /** Its request may have megabytes; others are refused unread beyond a quarter of one. */
  readonly isLarge: boolean
  readonly request: Validator<Request>
  readonly reply: Validator<Reply>
  readonly types?: { request: Static<Request>; reply: Static<Reply> }
}

/** A call that is answered by any number of items and one end. */
export interface StreamContract<
  Request extends TSchema,
  Item extends TSchema,
  End extends TSchema
> {
  readonly kind: 'stream'
  readonly name: string
  readonly parties: Parties
  readonly request: Validator<Request>
  readonly items: ItemCodec<Static<Item>>
  readonly end: Validator<End>
}

/**
 * `name` is `<service>.<verb>`, short, because every call carries it. Nobody may use it but the
 * roles that `parties` names.
 */
export function defineMethod<Request extends TSchema, Reply extends TSchema>(
  name: string,
  parties: Parties,
  request: Request,
  reply: Reply,
  { isLarge = false }: { isLarge?: boolean } = {}
): MethodContract<Request, Reply> {
  const compiled = { request: Compile(request), reply: Compile(reply) }
  return { kind: 'method', name, parties, isLarge, ...compiled }
}

/** Items travel as JSON, unless `items` says how else they are written. */
export function defineStream<Request extends TSchema, Item extends TSchema, End extends TSchema>(
  name: string,
  parties: Parties,
  request: Request,
  item: Item,
  end: End,
  items: ItemCodec<Static<Item>> = jsonCodec(Compile(item), `item of ${name}`)
): StreamContract<Request, Item, End> {
  return { kind: 'stream', name, parties, request: Compile(request), items, end: Compile(end) }
}
