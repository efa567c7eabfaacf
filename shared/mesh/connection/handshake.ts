/**
 * Runs the hello on a fresh connection and makes a link of it.
 *
 *   dialler  --hello-->  listener        checks, registers its handlers
 *   dialler  <--reply--  listener
 *   dialler  --ready-->  listener        checked and registered too: calls may go both ways
 *
 * Until then the only handler on the connection is the hello's. `ready` closes a gap: without it
 * the listener could call before the dialler has registered what it answers.
 */
import { once } from 'node:events'
import type ProtomuxRPC from 'protomux-rpc'
import { HaifError, toHaifError } from '#shared/errors.ts'
import type { Logger } from '#shared/process/log.ts'
import { PeerLink, type LinkPath } from '#shared/rpc/peer-link.ts'
import type { PeerIdentity } from '#shared/rpc/peer-identity.ts'
import type { Router } from '#shared/rpc/router.ts'
import { toWireError } from '#shared/rpc/wire-error.ts'
import {
  checkHello,
  HELLO_METHOD,
  HELLO_MS_MAX,
  helloReply,
  makeHello,
  READY_EVENT,
  refusal,
  type HelloFacts
} from './hello.ts'
import { watchLiveness } from './liveness.ts'
import type { PeerRole } from '#shared/contracts/peers/role.ts'

/** Facts about this side that hold for every connection. */
export interface HandshakeFacts extends HelloFacts {
  router: Router
  log: Logger
}

interface HandshakeOptions extends HandshakeFacts {
  path: LinkPath
}

/**
 * Resolves when both ends of a dialled connection have proven their keys; rejects with the reason.
 */
export async function connected({ stream }: ProtomuxRPC, dialMsMax: number): Promise<void> {
  let why: Error | undefined // the stream knows it, the RPC channel does not
  stream.on('error', (error) => (why = error))
  const deadline = setTimeout(() => stream.destroy(), dialMsMax)
  const isOpen = await stream.opened
  clearTimeout(deadline)
  if (isOpen) return
  if (!stream.destroyed) await once(stream, 'close')
  throw why ?? new HaifError('PEER_LOST', 'the peer did not answer')
}

/**
 * The dialler's side of a connection that is open; some of those carry nothing, so that is no proof
 * of a peer. Rejects, and destroys the connection, when it fails.
 */
export async function greet(rpc: ProtomuxRPC, options: HandshakeOptions): Promise<PeerLink> {
  const { secret, router, path, log } = options
  const deadline = dieAfter(rpc, HELLO_MS_MAX)
  try {
    await opened(rpc)
    watchLiveness(rpc.stream)
    const hello = Buffer.from(JSON.stringify(makeHello(options, rpc.stream)))
    const reply = parse(await rpc.request(HELLO_METHOD, hello))
    if (!helloReply.Check(reply)) throw new HaifError('PROTOCOL_MISMATCH', 'malformed hello')
    if (reply.error !== undefined) throw refusal(reply.error)
    const peer = identityOf(rpc, checkHello(secret, rpc.stream, reply.ok))
    const link = new PeerLink({ rpc, peer, router, dialer: true, path, log })
    rpc.event(READY_EVENT, Buffer.alloc(0))
    return link
  } catch (error) {
    rpc.destroy()
    rpc.stream.destroy()
    throw error
  } finally {
    clearTimeout(deadline)
  }
}

/** The listener's side. Calls `onLink` once the dialler is ready; a peer that fails is closed. */
export function receive(
  rpc: ProtomuxRPC,
  options: HandshakeOptions,
  onLink: (link: PeerLink) => void
): void {
  const { secret, router, path, log } = options
  const deadline = dieAfter(rpc, HELLO_MS_MAX)
  rpc.on('close', () => clearTimeout(deadline))
  rpc.respond(HELLO_METHOD, (value) => {
    rpc.unrespond(HELLO_METHOD) // one guess for each connection
    try {
      const role = checkHello(secret, rpc.stream, parse(value))
      watchLiveness(rpc.stream)
      const peer = identityOf(rpc, role)
      const link = new PeerLink({ rpc, peer, router, dialer: false, path, log })
      rpc.respond(READY_EVENT, () => {
        rpc.unrespond(READY_EVENT)
        clearTimeout(deadline)
        onLink(link)
        return Buffer.alloc(0)
      })
      return replyOf({ ok: makeHello(options, rpc.stream) })
    } catch (error) {
      const { code, message } = toHaifError(error)
      log.warn({ peer: rpc.stream.remotePublicKey.toString('hex'), code }, `refused: ${message}`)
      setTimeout(() => rpc.stream.destroy(), REFUSAL_LINGER_MS).unref()
      return replyOf({ error: toWireError(error) })
    }
  })
}

/** A refused peer shall still read why. */
const REFUSAL_LINGER_MS = 250

function dieAfter(rpc: ProtomuxRPC, ms: number): NodeJS.Timeout {
  return setTimeout(() => {
    rpc.destroy()
    rpc.stream.destroy()
  }, ms)
}

function parse(value: Buffer): unknown {
  try {
    return JSON.parse(value.toString())
  } catch {
    return undefined // no hello looks like this
  }
}

async function opened(rpc: ProtomuxRPC): Promise<void> {
  if (rpc.opened) return
  await new Promise<void>((resolve, reject) => {
    rpc.on('open', () => resolve())
    const lost = () => reject(new HaifError('PEER_LOST', 'the peer did not answer'))
    rpc.on('close', lost)
    rpc.stream.on('close', lost)
  })
}

function identityOf(rpc: ProtomuxRPC, role: PeerRole): PeerIdentity {
  return { key: rpc.stream.remotePublicKey.toString('hex'), role }
}

const replyOf = (reply: object): Buffer => Buffer.from(JSON.stringify(reply))
