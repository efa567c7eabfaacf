/**
 * The calls and streams that a service answers. One router serves every connection of the service.
 *
 * Handlers may throw anything: it becomes one coded error on the wire and, if nobody expected it,
 * one line in the log. Nothing that a handler throws reaches the RPC library, which ends the
 * process on a TypeError.
 */
import type { Static, TSchema } from 'typebox'
import { check } from './check.ts'
import type { MethodContract, StreamContract } from './contract.ts'
import type { Presented, RequestContext } from './context.ts'
import type { ItemBatch, ItemCodec } from './items.ts'
import type { NamedParties } from './parties.ts'
import type { PeerIdentity } from './peer-identity.ts'
import { Refusals } from './refusals.ts'
import type { StreamObserver } from './stream-observer.ts'

export interface ServerContext extends RequestContext {
  readonly peer: PeerIdentity
  /** The caller's credential. Calls made with this context do not pass it on. */
  readonly presented?: Presented | undefined
  /** Ends the request from this side; the caller gets the reason. */
  abort(reason: Error): void
}

type MethodHandler<Request, Reply> = (
  request: Request,
  context: ServerContext
) => Reply | Promise<Reply>

/**
 * Yields the items and returns the end. It is asked for its next item only when the caller has room
 * for one. A batch of another peer may be yielded as it came.
 */
type StreamHandler<Request, Item, End> = (
  request: Request,
  context: ServerContext
) => AsyncGenerator<Item | ItemBatch<Item>, End, void>

export interface MethodRoute {
  /** The channel asks it who may call, before it looks at the request. */
  contract: NamedParties & { readonly isLarge: boolean }
  /** Checks a request as it came over the wire, and answers it. */
  answer(request: unknown, context: ServerContext): unknown
}

export interface StreamRoute {
  contract: NamedParties
  open(request: unknown, context: ServerContext): AsyncGenerator<unknown, unknown, void>
  items: ItemCodec<unknown>
}

interface RouterOptions {
  observer?: StreamObserver | null
  now?: () => number
}

export class Router {
  readonly methods = new Map<string, MethodRoute>()
  readonly streams = new Map<string, StreamRoute>()
  /** Measures and traces the streams that are served. */
  readonly observer: StreamObserver | null
  /** Of all connections together. */
  readonly refusals: Refusals

  constructor({ observer = null, now = () => performance.now() }: RouterOptions = {}) {
    this.observer = observer
    this.refusals = new Refusals(now)
  }

  respond<Request extends TSchema, Reply extends TSchema>(
    contract: MethodContract<Request, Reply>,
    handler: MethodHandler<Static<Request>, Static<Reply>>
  ): this {
    const { name, request: schema } = contract
    this.methods.set(name, {
      contract,
      answer: (request, context) => handler(check(schema, request, name), context)
    })
    return this
  }

  serve<Request extends TSchema, Item extends TSchema, End extends TSchema>(
    contract: StreamContract<Request, Item, End>,
    handler: StreamHandler<Static<Request>, Static<Item>, Static<End>>
  ): this {
    const { name, request: schema, items } = contract
    this.streams.set(name, {
      contract,
      open: (request, context) => handler(check(schema, request, name), context),
      items
    })
    return this
  }
}
