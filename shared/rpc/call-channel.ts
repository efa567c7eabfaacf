/**
 * Calls with one reply, over the RPC channel of a connection, in both directions.
 *
 * A reply is `{ok}` or `{error}` rather than a thrown error, so that code, message and details cross
 * the wire as we wrote them and a handler's exception never reaches the RPC library.
 */
import type ProtomuxRPC from 'protomux-rpc'
import { Type, type Static, type TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { HaifError } from '#shared/errors.ts'
import { check } from './check.ts'
import { Envelope, fromEnvelope, toEnvelope, type RequestContext } from './context.ts'
import type { MethodContract } from './contract.ts'
import type { MethodRoute, PeerIdentity, Router } from './router.ts'
import { fromWireError, toWireError } from './wire-error.ts'

/** One call or reply; far under the 16 MiB that the transport can carry. */
const CALL_BYTES_MAX = 4 * 1024 * 1024
/** Handlers of one peer's calls that may run at the same time. */
const CALLS_MAX = 1024

const CallBody = Compile(Type.Object({ e: Envelope, v: Type.Unknown() }))
const ReplyBody = Compile(
  Type.Object({ ok: Type.Optional(Type.Unknown()), error: Type.Optional(Type.Unknown()) })
)

export interface CallChannelOptions {
  rpc: ProtomuxRPC
  peer: PeerIdentity
  router: Router
  onUnexpected(error: unknown, at: { name: string; requestId: string }): void
}

export class CallChannel {
  readonly #options: CallChannelOptions
  #running = 0

  constructor(options: CallChannelOptions) {
    this.#options = options
    for (const [name, route] of options.router.methods) {
      options.rpc.respond(name, (value) => this.#answer(name, route, value))
    }
  }

  async call<Request extends TSchema, Reply extends TSchema>(
    contract: MethodContract<Request, Reply>,
    request: Static<Request>,
    context: RequestContext
  ): Promise<Static<Reply>> {
    context.signal.throwIfAborted()
    const body = encode({ e: toEnvelope(context), v: request })
    const reply = check(ReplyBody, decode(await this.#send(contract.name, body, context)), 'reply')
    if (reply.error !== undefined) throw fromWireError(reply.error)
    return check(contract.reply, reply.ok, `reply of ${contract.name}`, 'INTERNAL') as Static<Reply>
  }

  async #send(name: string, body: Buffer, context: RequestContext): Promise<Buffer> {
    const { signal } = context
    const { promise: aborted, reject } = Promise.withResolvers<never>()
    const onAbort = () => reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      // The library forgets a request only by its reply or its own timeout.
      const timeout = Math.max(1, context.remainingMs())
      return await Promise.race([this.#options.rpc.request(name, body, { timeout }), aborted])
    } catch (error) {
      throw translate(error, name)
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  async #answer(name: string, route: MethodRoute, value: Buffer): Promise<Buffer> {
    const { peer, onUnexpected } = this.#options
    let requestId = ''
    this.#running++
    try {
      if (this.#running > CALLS_MAX) throw new HaifError('STREAM_LIMIT', 'too many calls at once')
      const { e: envelope, v } = check(CallBody, decode(value), 'call')
      requestId = envelope.requestId
      using context = fromEnvelope(envelope)
      const request = check(route.contract.request, v, name)
      return encode({ ok: (await route.handler(request, { ...context, peer })) ?? null })
    } catch (error) {
      if (!(error instanceof HaifError)) onUnexpected(error, { name, requestId })
      return encode({ error: toWireError(error) })
    } finally {
      this.#running--
    }
  }
}

function encode(value: unknown): Buffer {
  const body = Buffer.from(JSON.stringify(value))
  if (body.length > CALL_BYTES_MAX) throw new HaifError('BODY_TOO_LARGE', 'the call is too large')
  return body
}

function decode(body: Buffer): unknown {
  if (body.length > CALL_BYTES_MAX) throw new HaifError('BODY_TOO_LARGE', 'the call is too large')
  try {
    return JSON.parse(body.toString())
  } catch (error) {
    throw new HaifError('VALIDATION_FAILED', 'the call is not JSON', { cause: error })
  }
}

/** The errors of the RPC library, in our words. */
function translate(error: unknown, name: string): unknown {
  if (error instanceof HaifError) return error
  const { code, message } = error as { code?: string; message: string }
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
      return code === undefined
        ? error
        : new HaifError('INTERNAL', `${name}: ${message}`, { cause: error })
  }
}
