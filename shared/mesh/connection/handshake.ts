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
import type { NoiseSecretStream } from 'hyperdht'
import type ProtomuxRPC from 'protomux-rpc'
import { Compile } from '#shared/validator.ts'
import { HaifError, toHaifError } from '#shared/errors.ts'
import type { Logger } from '#shared/process/log.ts'
import { PeerLink, type LinkWay } from '#shared/rpc/peer-link.ts'
import type { PeerIdentity } from '#shared/rpc/peer-identity.ts'
import type { Router } from '#shared/rpc/router.ts'
import { toWireError, WireError } from '#shared/rpc/wire-error.ts'
import { trust } from './guarded-stream.ts'
import {
  HELLO_BYTES_MAX,
  HELLO_METHOD,
  HELLO_MS_MAX,
  LAST_OLD_VERSION,
  makeHello,
  mismatch,
  OLD_HELLO_METHOD,
  readHello,
  READY_EVENT,
  refusal,
  type Hello,
  type HelloFacts
} from './hello.ts'
import { ABOUT_EVENT, decodeAbout, encodeAbout, type About } from './about.ts'
import { keepAliveMsOf, Liveness, nudge } from './liveness.ts'
import type { MemberIdentity } from './member-identity.ts'
import type { RefusalLog } from './refusal-log.ts'
import type { Membership } from '../membership/membership.ts'
import { inOwnWords } from '../membership/revocation.ts'

/** The role of a peer that has shown an invite and no certificate. */
export const GUEST_ROLE = 'guest'

/** Facts about this side that hold for every connection. */
export interface HandshakeFacts extends HelloFacts {
  router: Router
  log: Logger
  refusals: RefusalLog
  /** Where guests are let in. */
  guests?: GuestEntrance | undefined
  /** What this side says of its process, and what becomes of what a member says of its own. */
  node: AboutProcesses
  /** Called when the other side has met another machine with the key of this one. */
  onTwin?: (address: string) => void
}

interface AboutProcesses {
  about: (keepAliveMs: number) => About
  met: (stream: NoiseSecretStream, about: About) => void
}

/** What a connection has become. */
export interface Greeted {
  link: PeerLink
  liveness: Liveness
  /** Says again what this side has to say of its process. */
  tell: () => void
  /** Tells the other side that another machine has its key, too. */
  tellOfTwin: (address: string) => void
}

/** What a peer that can redeem invites offers to those who have nothing else yet. */
export interface GuestEntrance {
  /** Says no to an invite that it does not know, by throwing what the guest shall read. */
  admit: (inviteId: Buffer) => void
  /** All that a guest may call. */
  router: Router
}

interface HandshakeOptions extends HandshakeFacts {
  way: (stream: NoiseSecretStream) => LinkWay
  /** Called when a peer has fallen silent, and before it counts as lost. */
  onDoubt: (link: PeerLink) => void
}

interface ReceiveOptions extends HandshakeOptions {
  /** Says no to a member whose key another process has, by throwing. */
  admit: (peer: MemberIdentity) => void
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
export function greet(rpc: ProtomuxRPC, options: HandshakeOptions): Promise<Greeted> {
  const { membership, router, log } = options
  const way = () => options.way(rpc.stream)
  return greetWith(rpc, {
    ...options,
    hello: () => makeHello(options, rpc.stream),
    check: (reply) => memberOf(rpc.stream, reply, membership),
    link: (peer) => new PeerLink({ rpc, peer, router, dialer: true, way, log })
  })
}

interface Greeting extends Pick<HandshakeOptions, 'way' | 'onDoubt' | 'onTwin'> {
  /** Absent: nothing is said about the process, and nothing is believed. */
  node?: AboutProcesses
  hello: () => Buffer
  /** Who answered; throws when that is nobody to talk to. */
  check: (reply: Buffer) => PeerIdentity
  link: (peer: PeerIdentity) => PeerLink
}

export async function greetWith(rpc: ProtomuxRPC, greeting: Greeting): Promise<Greeted> {
  const { node, onDoubt } = greeting
  const deadline = dieAfter(rpc, HELLO_MS_MAX)
  try {
    await opened(rpc)
    const peer = greeting.check(acceptedBy(await say(rpc, greeting.hello())))
    trust(rpc.stream, null)
    const isLocal = greeting.way(rpc.stream).path === 'local'
    const keepAliveMs = keepAliveMsOf(isLocal ? null : rpc.stream.rawStream.remoteHost)
    const about = () => encodeAbout(node?.about(keepAliveMs) ?? { keepAliveMs, beside: [] })
    const link = greeting.link(peer)
    if (node !== undefined) hear(rpc, node)
    hearOfTwin(rpc, greeting.onTwin)
    rpc.event(READY_EVENT, about())
    const liveness = livenessOf(rpc, { link, keepAliveMs, onDoubt })
    const tell = () => rpc.event(ABOUT_EVENT, about())
    return { link, liveness, tell, tellOfTwin: tellsOfTwin(rpc) }
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
  options: ReceiveOptions,
  onLink: (greeted: Greeted) => void
): void {
  const { log, node, refusals, onDoubt } = options
  const way = () => options.way(rpc.stream)
  const deadline = dieAfter(rpc, HELLO_MS_MAX)
  if (way().path === 'relayed') nudge(rpc.stream)
  rpc.on('close', () => clearTimeout(deadline))
  const refuse = (error: unknown) => {
    refusals.note(rpc.stream.remotePublicKey.toString('hex'), toHaifError(error))
    setTimeout(() => rpc.stream.destroy(), REFUSAL_LINGER_MS).unref()
    return toWireError(error)
  }
  const answerOnce = () => {
    rpc.unrespond(HELLO_METHOD) // one guess for each connection
    rpc.unrespond(OLD_HELLO_METHOD)
  }
  rpc.respond(OLD_HELLO_METHOD, () => {
    answerOnce()
    return Buffer.from(JSON.stringify({ error: refuse(mismatch(LAST_OLD_VERSION)) }))
  })
  rpc.respond(HELLO_METHOD, (value) => {
    answerOnce()
    try {
      const { peer, router } = visitor(rpc.stream, value, options)
      trust(rpc.stream, peer.role === GUEST_ROLE ? GUEST_BOUNDS : null)
      const link = new PeerLink({ rpc, peer, router, dialer: false, way, log })
      rpc.respond(READY_EVENT, (said) => {
        rpc.unrespond(READY_EVENT)
        clearTimeout(deadline)
        const theirs = decodeAbout(said)
        const keepAliveMs = theirs?.keepAliveMs ?? keepAliveMsOf(null)
        const tell = () => rpc.event(ABOUT_EVENT, encodeAbout(node.about(keepAliveMs)))
        if (peer.role !== GUEST_ROLE) {
          if (theirs !== null) node.met(rpc.stream, theirs)
          hear(rpc, node)
          tell()
        }
        const liveness = livenessOf(rpc, { link, keepAliveMs, onDoubt })
        onLink({ link, liveness, tell, tellOfTwin: tellsOfTwin(rpc) })
        return Buffer.alloc(0)
      })
      return Buffer.concat([ACCEPTED, makeHello(options, rpc.stream)])
    } catch (error) {
      return refused(refuse(error))
    }
  })
}

const tellsOfTwin = (rpc: ProtomuxRPC) => (address: string) =>
  rpc.event(TWIN_EVENT, Buffer.from(address))

function hearOfTwin(rpc: ProtomuxRPC, onTwin: (address: string) => void = () => {}): void {
  rpc.respond(TWIN_EVENT, (said) => {
    onTwin(said.toString('utf8', 0, ADDRESS_BYTES_MAX).replaceAll(/[^\w.:%[\] -]/g, '?'))
    return Buffer.alloc(0)
  })
}

const TWIN_EVENT = 'haif/twin'
const ADDRESS_BYTES_MAX = 64

/** What the other side says of its process, now and later. */
function hear(rpc: ProtomuxRPC, node: AboutProcesses): void {
  rpc.respond(ABOUT_EVENT, (said) => {
    const theirs = decodeAbout(said)
    if (theirs !== null) node.met(rpc.stream, theirs)
    return Buffer.alloc(0)
  })
}

function livenessOf(
  { stream }: ProtomuxRPC,
  {
    link,
    keepAliveMs,
    onDoubt
  }: { link: PeerLink; keepAliveMs: number; onDoubt: (link: PeerLink) => void }
): Liveness {
  const isBusy = () => link.openStreams > 0
  return new Liveness({ stream, keepAliveMs, isBusy, onDoubt: () => onDoubt(link) })
}

/** A refused peer shall still read why. */
const REFUSAL_LINGER_MS = 250

/** A guest redeems an invite: a call of some 2 KB, cancelled and repeated at most. */
const GUEST_BOUNDS = { messageBytes: 32 * 1024, totalBytes: 256 * 1024 }

/** The first byte of an answer; after it comes a hello, or an error in JSON. */
const ACCEPTED = Buffer.from([1])
const REFUSED = Buffer.from([0])

const wireError = Compile(WireError)

function visitor(stream: NoiseSecretStream, value: Buffer, options: ReceiveOptions) {
  const { membership, router, guests } = options
  const hello = readHello(stream, value)
  const key = stream.remotePublicKey.toString('hex')
  if (hello.kind === 'member') {
    const peer = identityOf(stream, hello, membership)
    options.admit(peer)
    return { peer, router }
  }
  if (guests === undefined) {
    throw new HaifError('ROLE_NOT_ALLOWED', 'no invites are redeemed here; ask a registry')
  }
  if (membership.isRevoked(key)) throw revoked()
  guests.admit(hello.inviteId)
  const address = stream.rawStream.remoteHost ?? 'local' // sockets of this machine have none
  return { peer: { key, role: GUEST_ROLE, address }, router: guests.router }
}

function revoked(): HaifError {
  return new HaifError('PEER_REVOKED', 'this key was removed from the mesh: join with a new one')
}

/** The member that answered. */
function memberOf(stream: NoiseSecretStream, reply: Buffer, membership: Membership): PeerIdentity {
  const hello = readHello(stream, reply)
  if (hello.kind === 'member') return identityOf(stream, hello, membership)
  throw new HaifError('WRONG_MESH', 'the peer that answered is no member')
}

function identityOf(
  stream: NoiseSecretStream,
  { certificate, role, processId }: Extract<Hello, { kind: 'member' }>,
  membership: Membership
): MemberIdentity {
  membership.check(certificate, stream.remotePublicKey, role)
  const { name } = certificate
  const address = stream.rawStream.remoteHost ?? 'an address unknown'
  const holder = { process: processId.toString('hex'), address }
  return { key: stream.remotePublicKey.toString('hex'), role, name, certificate, holder }
}

async function say(rpc: ProtomuxRPC, hello: Buffer): Promise<Buffer> {
  try {
    return await rpc.request(HELLO_METHOD, hello)
  } catch (error) {
    const isOld = (error as { code?: string }).code === 'UNKNOWN_METHOD'
    throw isOld ? mismatch(LAST_OLD_VERSION) : error
  }
}

/** The hello in the answer, or throws the refusal in it. */
function acceptedBy(reply: Buffer): Buffer {
  if (reply[0] === ACCEPTED[0]) return reply.subarray(1)
  const error = parse(reply.subarray(1))
  if (reply.length <= HELLO_BYTES_MAX && wireError.Check(error)) {
    throw inOwnWords(refusal(error))
  }
  throw new HaifError('PROTOCOL_MISMATCH', 'malformed hello')
}

/** The answer has the bound of a hello, so a long sentence loses its end. */
function refused(error: WireError): Buffer {
  let { message } = error
  for (;;) {
    const reply = Buffer.concat([REFUSED, Buffer.from(JSON.stringify({ ...error, message }))])
    if (reply.length <= HELLO_BYTES_MAX || message === '') return reply
    message = message.slice(0, Math.max(0, message.length - (reply.length - HELLO_BYTES_MAX)))
  }
}

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
    return undefined // no answer looks like this
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
