/**
 * The calls and streams that a service answers. One router serves every connection of the service.
 *
 * Handlers may throw anything: it becomes one coded error on the wire and, if nobody expected it,
 * one line in the log. Nothing that a handler throws reaches the RPC library, which ends the process
 * on a TypeError.
 */
import type { Static, TSchema } from 'typebox'
import type { MethodContract, StreamContract } from './contract.ts'
import type { Presented, RequestContext } from './context.ts'
import type { ItemBatch } from './items.ts'
import type { StreamObserver } from './stream-observer.ts'

/** Who is at the other end of a connection, proven by its Noise key and the mesh secret. */
export interface PeerIdentity {
  /** Public key in hex. */
  readonly key: string
  readonly role: string
}

export interface ServerContext extends RequestContext {
  readonly peer: PeerIdentity
  /** What the caller has shown to be let in. Calls made with this context do not carry it on. */
  readonly presented?: Presented | undefined
  /** Ends it from this side; the caller is told the reason. */
  abort(reason: Error): void
}

export type MethodHandler<Request, Reply> = (
  request: Request,
  context: ServerContext
) => Reply | Promise<Reply>

/**
 * Is asked for its next item only when the caller has room for it; returns what ends the stream. What
 * another peer has sent may be passed on as the batch that came.
 */
export type StreamHandler<Request, Item, End> = (
  request: Request,
  context: ServerContext
) => AsyncGenerator<Item | ItemBatch<Item>, End, void>

export interface MethodRoute {
  contract: MethodContract<TSchema, TSchema>
  handler: MethodHandler<unknown, unknown>
}

export interface StreamRoute {
  contract: StreamContract<TSchema, TSchema, TSchema>
  handler: StreamHandler<unknown, unknown, unknown>
}

export class Router {
  readonly methods = new Map<string, MethodRoute>()
  readonly streams = new Map<string, StreamRoute>()
  /** Measures and traces what is served. */
  observer: StreamObserver | null = null

  respond<Request extends TSchema, Reply extends TSchema>(
    contract: MethodContract<Request, Reply>,
    handler: MethodHandler<Static<Request>, Static<Reply>>
  ): this {
    this.methods.set(contract.name, { contract, handler } as unknown as MethodRoute)
    return this
  }

  serve<Request extends TSchema, Item extends TSchema, End extends TSchema>(
    contract: StreamContract<Request, Item, End>,
    handler: StreamHandler<Static<Request>, Static<Item>, Static<End>>
  ): this {
    this.streams.set(contract.name, { contract, handler } as unknown as StreamRoute)
    return this
  }
}
