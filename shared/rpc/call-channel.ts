/**
 * Calls with one reply, over the RPC channel of a connection, in both directions.
 *
 * A reply is `{ok}` or `{error}` rather than a thrown error, so that code, message and details
 * cross the wire as we wrote them and a handler's exception never reaches the RPC library.
 */
import type ProtomuxRPC from 'protomux-rpc'
import { Type, type Static, type TSchema } from 'typebox'
import { Compile } from '#shared/validator.ts'
import { HaifError } from '#shared/errors.ts'
import { check } from './check.ts'
import {
  Envelope,
  fromEnvelope,
  toEnvelope,
  type OwnedContext,
  type RequestContext
} from './context.ts'
import type { MethodContract } from './contract.ts'
import { assertMeantFor, isAllowedFrom, refused, type NamedParties } from './parties.ts'
import type { PeerIdentity } from './peer-identity.ts'
import { parseJson } from '#shared/kit/parse-json.ts'
import type { MethodRoute, Router } from './router.ts'
import { UnreadReplies } from '#shared/kit/unread-replies.ts'
import { fromWireError, isUnexpected, toWireError } from './wire-error.ts'

/** One call or reply; far under the 16 MiB that the transport can carry. */
const CALL_BYTES_MAX = 4 * 1024 * 1024
/** A call of a method whose requests are not large: what is over it is refused unread. */
const USUAL_BYTES_MAX = 256 * 1024
/** Refused so often, a peer only wants to fill our memory. */
const TOO_LARGE_MAX = 8
/** Handlers of one peer's calls that may run at the same time. */
const CALLS_MAX = 1024

/**
 * Sent when nobody waits for the reply any more. The library's timeout would not stop the handler.
 */
const CANCEL_EVENT = 'cancel'

/** `i` is counted by the caller, and names the call in a cancel. */
const CallBody = Compile(
  Type.Object({ i: Type.Integer({ minimum: 1 }), e: Envelope, v: Type.Unknown() })
)
const CancelBody = Compile(Type.Object({ i: Type.Integer({ minimum: 1 }) }))
const ReplyBody = Compile(
  Type.Object({ ok: Type.Optional(Type.Unknown()), error: Type.Optional(Type.Unknown()) })
)

interface CallChannelOptions {
  rpc: ProtomuxRPC
  peer: PeerIdentity
  router: Router
  /** Called with each call that the role of the peer does not allow. */
  onRefused: (contract: NamedParties) => void
  onUnexpected: (error: unknown, at: { name: string; requestId: string }) => void
  /** Called when the other end asks and reads nothing; the connection has to go. */
  onViolation: (reason: string) => void
}

export class CallChannel {
  readonly #options: CallChannelOptions
  readonly #answering = new Map<number, OwnedContext>() // at most CALLS_MAX
  readonly #unread: UnreadReplies
  #unanswered = 0
  #tooLarge = 0
  #lastId = 0

  constructor(options: CallChannelOptions) {
    this.#options = options
    const { mux, stream } = options.rpc
    this.#unread = new UnreadReplies(mux, stream, options.onViolation)
    for (const [name, route] of options.router.methods) {
      options.rpc.respond(name, (value) => this.#answer(name, route, value))
    }
    options.rpc.respond(CANCEL_EVENT, (value) => this.#onCancel(value))
  }

  /** The connection is gone: nobody waits for what the handlers do. */
  close(): void {
    this.#unread.close()
    const lost = new HaifError('CANCELLED', 'the connection broke')
    for (const context of this.#answering.values()) context.abort(lost)
  }

  async call<Request extends TSchema, Reply extends TSchema>(
    contract: MethodContract<Request, Reply>,
    request: Static<Request>,
    context: RequestContext
  ): Promise<Static<Reply>> {
    context.signal.throwIfAborted()
    assertMeantFor(contract, this.#options.peer)
    const id = ++this.#lastId
    const body = encode({ i: id, e: toEnvelope(context, contract.parties), v: request })
    const answer = await this.#send(contract.name, id, body, context)
    const reply = check(ReplyBody, decode(answer), 'reply', 'INTERNAL')
    if (reply.error !== undefined) throw fromWireError(reply.error)
    return check(contract.reply, reply.ok, `reply of ${contract.name}`, 'INTERNAL')
  }

  async #send(name: string, id: number, body: Buffer, context: RequestContext): Promise<Buffer> {
    const { signal } = context
    const { promise: aborted, reject } = Promise.withResolvers<never>()
    const onAbort = () => {
      reject(signal.reason as Error)
      if (!this.#options.rpc.closed) this.#options.rpc.event(CANCEL_EVENT, encode({ i: id }))
    }
    const stopListening = context.onAbort(onAbort)
    try {
      // The library forgets a request only by its reply or its own timeout.
      const timeout = Math.max(1, context.remainingMs())
      return await Promise.race([this.#options.rpc.request(name, body, { timeout }), aborted])
    } catch (error) {
      throw translate(error, name)
    } finally {
      stopListening()
    }
  }

  async #answer(name: string, route: MethodRoute, value: Buffer): Promise<Buffer> {
    const { peer, onRefused } = this.#options
    let requestId = ''
    if (!isAllowedFrom(route.contract.parties, peer)) {
      onRefused(route.contract)
      if (value.length > USUAL_BYTES_MAX) this.#options.onViolation('a large call, not allowed')
      return this.#refusal(refused(route.contract, peer))
    }
    this.#unanswered++
    try {
      this.#assertSize(route, value)
      const { i: id, e: envelope, v: request } = check(CallBody, decode(value), 'call')
      requestId = envelope.requestId
      const ok = (await this.#handle(id, envelope, route, request)) ?? null
      return await this.#unread.whenRoom(() => encodeReply({ ok }, name))
    } catch (error) {
      if (isUnexpected(error)) this.#options.onUnexpected(error, { name, requestId })
      return this.#refusal(error)
    } finally {
      this.#unanswered--
    }
  }

  #assertSize({ contract }: MethodRoute, { length }: Buffer): void {
    if (length <= USUAL_BYTES_MAX || contract.isLarge) return
    this.#tooLarge++
    if (this.#tooLarge > TOO_LARGE_MAX) this.#options.onViolation(`calls ${length} bytes large`)
    throw new HaifError('BODY_TOO_LARGE', `a call of ${contract.name} is not as large`)
  }

  #refusal(error: unknown): Buffer {
    const reply = encode({ error: toWireError(error) })
    this.#unread.add(reply.length)
    return reply
  }

  async #handle(id: number, envelope: Envelope, route: MethodRoute, v: unknown): Promise<unknown> {
    if (this.#unanswered > CALLS_MAX) {
      throw new HaifError('STREAM_LIMIT', `over ${CALLS_MAX} calls from one peer at once`)
    }
    if (this.#answering.has(id)) throw new HaifError('VALIDATION_FAILED', 'a call id is used twice')
    using context = fromEnvelope(envelope)
    this.#answering.set(id, context)
    try {
      const { presented } = envelope
      return await route.answer(v, { ...context, peer: this.#options.peer, presented })
    } finally {
      this.#answering.delete(id)
    }
  }

  #onCancel(value: Buffer): Buffer {
    try {
      const { i: id } = check(CancelBody, decode(value), 'cancel')
      this.#answering.get(id)?.abort(new HaifError('CANCELLED', 'the caller withdrew the call'))
    } catch {
      // An event has no reply that could say so, and the call ends by its deadline anyway.
    }
    return Buffer.alloc(0)
  }
}

function encode(value: unknown): Buffer {
  const body = Buffer.from(JSON.stringify(value))
  if (body.length > CALL_BYTES_MAX) throw new HaifError('BODY_TOO_LARGE', 'the call is too large')
  return body
}

/** Too large a reply is our fault, and not that of whoever has asked. */
function encodeReply(reply: { ok: unknown }, name: string): Buffer {
  const body = Buffer.from(JSON.stringify(reply))
  if (body.length <= CALL_BYTES_MAX) return body
  throw new Error(`the reply of ${name} has ${body.length} bytes`)
}

function decode(body: Buffer): unknown {
  if (body.length > CALL_BYTES_MAX) throw new HaifError('BODY_TOO_LARGE', 'the call is too large')
  try {
    return parseJson(body.toString())
  } catch (error) {
    throw new HaifError('VALIDATION_FAILED', 'the call is not JSON', { cause: error })
  }
}

/** The errors of the RPC library, in our words. */
function translate(error: unknown, name: string): unknown {
  if (error instanceof HaifError) return error
  const { code, message } = error as { code?: unknown; message: string }
  if (typeof code !== 'string') return error // not the library's: why the caller gave up
  switch (code) {
    case 'CHANNEL_CLOSED':
    case 'CHANNEL_DESTROYED':
      return new HaifError('PEER_LOST', 'the connection to the peer broke', { cause: error })
    case 'TIMEOUT_EXCEEDED':
      return new HaifError('DEADLINE_EXCEEDED', `${name} was not answered in time`, {
        cause: error
      })
    case 'UNKNOWN_METHOD':
      return new HaifError('PROTOCOL_MISMATCH', `the peer does not answer ${name}`, {
        cause: error
      })
    default:
      return new HaifError('INTERNAL', `${name}: ${message}`, { cause: error })
  }
}
