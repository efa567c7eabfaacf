/**
 * All connected peers of one role as one: each request goes to the one with the least of ours in
 * flight, and to the next when that one is lost before it has answered anything.
 */
import { hash } from 'node:crypto'
import type { Static, TSchema } from 'typebox'
import { HaifError, toHaifError, type ErrorCode } from '#shared/errors.ts'
import { forward } from '#shared/kit/forward.ts'
import { Tally } from '#shared/kit/tally.ts'
import { within } from '#shared/kit/within.ts'
import type { Presented, RequestContext } from '#shared/rpc/context.ts'
import type { MethodContract, StreamContract } from '#shared/rpc/contract.ts'
import type { ItemBatch } from '#shared/rpc/items.ts'
import type { PeerLink } from '#shared/rpc/peer-link.ts'
import type { Mesh } from './mesh.ts'
import type { ListeningRole } from '#shared/contracts/peers/role.ts'

/** Connections tried for one request; a peer that has come back has a new one. */
const TRIES_MAX = 4
/** Time that a request waits for a first connection to the role. */
const CONNECT_MS_MAX = 3000
/**
 * The same where there has been a connection before: the only peer of the role may be restarting.
 */
const RETURN_MS_MAX = 15_000

/**
 * Failures of the next hop itself. For any other failure it has already tried what lies behind it.
 */
const OF_THE_HOP: ReadonlySet<ErrorCode> = new Set([
  'PEER_LOST',
  'STREAM_LIMIT',
  'SHUTTING_DOWN',
  'PROTOCOL_MISMATCH',
  'NO_PEER' // it lacks the peers behind it
])

/** One request for every peer that is tried, or one made for each of them. */
type RequestFor<Request> = Request | (() => Request)

interface PeerPoolOptions {
  /** Keys in hex of the peers that may be asked, where not every member is trusted with it. */
  only?: ReadonlySet<string> | null
  /** Credential that is shown with every request of this pool. */
  shows?: Presented | undefined
  /** Time that a request waits for the only peer of the role to come back. */
  returnMs?: number | undefined
}

export class PeerPool {
  readonly #mesh: Mesh
  readonly #role: Exclude<ListeningRole, 'relay'>
  readonly #inFlight = new Tally<PeerLink>()
  readonly #returnMs: number
  #hasMet = false
  readonly #only: ReadonlySet<string> | null
  readonly #shows: Presented | undefined

  constructor(mesh: Mesh, role: Exclude<ListeningRole, 'relay'>, options: PeerPoolOptions = {}) {
    this.#returnMs = options.returnMs ?? RETURN_MS_MAX
    this.#mesh = mesh
    this.#role = role
    this.#only = options.only ?? null
    this.#shows = options.shows
  }

  get size(): number {
    return this.#links().length
  }

  async call<Request extends TSchema, Reply extends TSchema>(
    contract: MethodContract<Request, Reply>,
    request: RequestFor<Static<Request>>,
    given: RequestContext
  ): Promise<Static<Reply>> {
    const context = this.#showing(given)
    const tried = new Set<PeerLink>()
    for (;;) {
      const link = this.#next(tried) ?? (await this.#nextNew(tried, context))
      const leave = this.#inFlight.enter(link)
      try {
        return await link.call(contract, made(request), context)
      } catch (error) {
        this.#assertMayRetry(error, tried, context)
      } finally {
        leave()
      }
    }
  }

  /**
   * Passes the items on as they came; a peer that is lost after its first item ends the stream with
   * PEER_LOST. Requests with the same `stickTo` go to the same peer, as long as it is there.
   */
  async *batches<Request extends TSchema, Item extends TSchema, End extends TSchema>(
    contract: StreamContract<Request, Item, End>,
    request: RequestFor<Static<Request>>,
    given: RequestContext,
    stickTo?: string
  ): AsyncGenerator<ItemBatch<Static<Item>>, Static<End>, void> {
    const context = this.#showing(given)
    const tried = new Set<PeerLink>()
    for (;;) {
      const link = this.#next(tried, stickTo) ?? (await this.#nextNew(tried, context, stickTo))
      const stream = link.batches(contract, made(request), context)
      const leave = this.#inFlight.enter(link)
      let begun = false
      try {
        return yield* forward(stream, (batch) => {
          begun = true
          return batch
        })
      } catch (error) {
        if (begun) throw error
        this.#assertMayRetry(error, tried, context)
      } finally {
        leave()
      }
    }
  }

  #next(tried: Set<PeerLink>, stickTo?: string): PeerLink | null {
    const link = this.#choose(tried, stickTo)
    if (link === null) return null
    tried.add(link)
    this.#hasMet = true
    return link
  }

  async #nextNew(
    tried: Set<PeerLink>,
    context: RequestContext,
    stickTo?: string
  ): Promise<PeerLink> {
    await this.#newLink(context)
    const link = this.#next(tried, stickTo)
    if (link === null) throw new HaifError('NO_PEER', `no ${this.#role} can be reached`)
    return link
  }

  /** The least busy peer, or for `stickTo` the highest random weight (Thaler, Ravishankar 1998). */
  #choose(tried: Set<PeerLink>, stickTo: string | undefined): PeerLink | null {
    if (stickTo === undefined) return this.#leastBusy(tried)
    const weight = ({ peer }: PeerLink) => hash('sha1', `${stickTo}/${peer.key}`)
    const untried = this.#links().filter((link) => !tried.has(link))
    const [first] = untried.toSorted((a, b) => (weight(a) < weight(b) ? 1 : -1))
    return first ?? null
  }

  #leastBusy(tried: Set<PeerLink>): PeerLink | null {
    let best: PeerLink | null = null
    for (const link of this.#links()) {
      if (tried.has(link)) continue
      if (best === null || this.#inFlight.of(link) < this.#inFlight.of(best)) best = link
    }
    return best
  }

  /** Waits for a new connection, as after a start or while the only peer restarts. */
  async #newLink(context: RequestContext): Promise<void> {
    const { promise: linked, resolve } = Promise.withResolvers<void>()
    const onLink = (link: PeerLink) => {
      if (link.peer.role === this.#role && (this.#only?.has(link.peer.key) ?? true)) resolve()
    }
    const waitMs = this.#hasMet ? this.#returnMs : CONNECT_MS_MAX
    context.signal.throwIfAborted()
    const stopListening = context.onAbort(resolve)
    this.#mesh.on('link', onLink)
    try {
      await within(Math.min(waitMs, context.remainingMs()), linked)
      context.signal.throwIfAborted()
    } finally {
      this.#mesh.off('link', onLink)
      stopListening()
    }
  }

  #assertMayRetry(error: unknown, tried: Set<PeerLink>, context: RequestContext): void {
    const { code } = toHaifError(error)
    if (context.signal.aborted || !OF_THE_HOP.has(code) || tried.size >= TRIES_MAX) throw error
    // A peer of another version is there: waiting for it to come back would change nothing.
    if (code === 'PROTOCOL_MISMATCH' && this.#leastBusy(tried) === null) throw error
  }

  #showing(context: RequestContext): RequestContext {
    return this.#shows === undefined ? context : { ...context, shows: this.#shows }
  }

  #links(): PeerLink[] {
    const links = this.#mesh.links(this.#role)
    const only = this.#only
    return only === null ? links : links.filter(({ peer }) => only.has(peer.key))
  }
}

/** No request is a function: it travels as data. */
const made = <Request>(request: RequestFor<Request>): Request =>
  typeof request === 'function' ? (request as () => Request)() : request
