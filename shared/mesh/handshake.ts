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
import type ProtomuxRPC from 'protomux-rpc'
import { HaifError, toHaifError } from '#shared/errors.ts'
import type { Logger } from '#shared/log.ts'
import { PeerLink } from '#shared/rpc/peer-link.ts'
import type { PeerIdentity, Router } from '#shared/rpc/router.ts'
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
import type { PeerRole } from './role.ts'

export interface HandshakeOptions extends HelloFacts {
  router: Router
  log: Logger
}

/** The dialler's side; `rpc` may still be opening. Rejects, and destroys the connection, when it fails. */
export async function greet(
  rpc: ProtomuxRPC,
  options: HandshakeOptions & { relayed: boolean; dialMsMax: number }
): Promise<PeerLink> {
  const { secret, router, log, relayed, dialMsMax } = options
  let deadline = dieAfter(rpc, dialMsMax)
  try {
    const open = opened(rpc)
    // Some connections open and carry nothing: from here on it is the other side that is slow.
    if (await Promise.race([rpc.stream.opened, open.then(() => true)])) {
      clearTimeout(deadline)
      deadline = dieAfter(rpc, HELLO_MS_MAX)
    }
    await open
    watchLiveness(rpc.stream)
    const hello = Buffer.from(JSON.stringify(makeHello(options, rpc.stream)))
    const reply = parse(await rpc.request(HELLO_METHOD, hello))
    if (!helloReply.Check(reply)) throw new HaifError('PROTOCOL_MISMATCH', 'malformed hello')
    if (reply.error !== undefined) throw refusal(reply.error)
    const peer = identityOf(rpc, checkHello(secret, rpc.stream, reply.ok))
    const link = new PeerLink({ rpc, peer, router, dialer: true, relayed, log })
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
  const { secret, router, log } = options
  const deadline = dieAfter(rpc, HELLO_MS_MAX)
  rpc.on('close', () => clearTimeout(deadline))
  rpc.respond(HELLO_METHOD, (value) => {
    rpc.unrespond(HELLO_METHOD) // one guess for each connection
    try {
      const role = checkHello(secret, rpc.stream, parse(value))
      watchLiveness(rpc.stream)
      const peer = identityOf(rpc, role)
      const link = new PeerLink({ rpc, peer, router, dialer: false, relayed: false, log })
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
  let why: Error | undefined // the stream knows why a dial failed, the RPC channel does not
  rpc.stream.on('error', (error) => (why = error))
  await new Promise<void>((resolve, reject) => {
    rpc.on('open', () => resolve())
    const lost = () => reject(why ?? new HaifError('PEER_LOST', 'the peer did not answer'))
    rpc.on('close', lost)
    rpc.stream.on('close', lost)
  })
}

function identityOf(rpc: ProtomuxRPC, role: PeerRole): PeerIdentity {
  return { key: rpc.stream.remotePublicKey.toString('hex'), role }
}

const replyOf = (reply: object): Buffer => Buffer.from(JSON.stringify(reply))
