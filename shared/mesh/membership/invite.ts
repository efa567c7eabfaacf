/**
 * An invite lets one machine into the mesh, for named roles and a limited time. As text it is the
 * topic key that a person copies:
 *
 *   haif_ + z-base-32(
 *     version 1 | length 2 | parity 1 | mesh key 32 | secret 16 | roles 1 | flags 1 | expiry 4 |
 *     uses 2 | name | reach 1 | addresses | issuers | relays | relays over TLS, if any | checksum 4
 *   )
 *
 * The length comes first, with a parity of its own, so that a key that was cut off is told from one
 * that was mistyped.
 */
import { createHash, hash } from 'node:crypto'
import { isIPv4 } from 'node:net'
import z32 from 'z32'
import { ROLES, type PeerRole } from '#shared/contracts/peers/role.ts'
import { HaifError } from '#shared/errors.ts'
import {
  parseTlsAddresses,
  tlsAddressText,
  type TlsAddress
} from '../connection/tls/tls-address.ts'
import { REACHES, type Address, type Reach } from '../discovery/mesh-address.ts'

const PREFIX = 'haif_'
const VERSION = 2
const HEAD_BYTES = 4
const CHECKSUM_BYTES = 4
const KEY_BYTES = 32
export const SECRET_BYTES = 16
const ADDRESS_BYTES = 6
const ADDRESSES_MAX = 8
/** Registries that an invite names, and relays. */
export const INVITE_KEYS_MAX = 2
const APPROVE = 1
/** The number of uses of an invite that any number of machines may use. */
const MANY = 0
const USES_MAX = 65_535

/** The name of a machine, which people type: as short as a host name, without surprises. */
export const MACHINE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,47}$/

export interface Invite {
  /** The public half of the mesh's root key: the name of the mesh. */
  meshKey: Buffer
  secret: Buffer
  /** What the machine may be; its certificate allows no more. */
  roles: PeerRole[]
  /** What the machine will be called; empty: it names itself. */
  name: string
  /** Milliseconds since 1970, whole seconds; null: never. */
  expiresAt: number | null
  /** Machines that may use it; null: any number. */
  usesMax: number | null
  /** A person has to approve each machine before it is let in. */
  approve: boolean
  reach: Reach
  /** DHT nodes to begin with; empty for the public DHT. */
  bootstrap: Address[]
  /** Public keys of registries that let machines in; empty: found by the key of the mesh. */
  issuers: Buffer[]
  /** Public keys of relays, for a machine that cannot reach a registry directly. */
  relays: Buffer[]
  /** Where relays listen for TLS, for a machine whose network blocks UDP. */
  tlsRelays: TlsAddress[]
}

/** What the store keeps of the secret, and so what an invite is found by. */
export const inviteHash = (secret: Buffer): string => hash('sha256', secret)

const ID_CHARACTERS = 8

/** A short name for people, as `haif invite ls` shows it. */
export const inviteIdOf = (secret: Buffer): string => inviteHash(secret).slice(0, ID_CHARACTERS)

const HELLO_ID_BYTES = 16

/** How a guest names its invite in the hello; it proves nothing. */
export const inviteHelloId = (secret: Buffer): Buffer =>
  Buffer.from(inviteHash(secret), 'hex').subarray(0, HELLO_ID_BYTES)

export function encodeInvite(invite: Invite): string {
  const body = Buffer.concat([
    invite.meshKey,
    invite.secret,
    Buffer.from([rolesByte(invite.roles), invite.approve ? APPROVE : 0]),
    numbers(invite),
    counted([...Buffer.from(invite.name)].map((byte) => Buffer.from([byte]))),
    Buffer.from([REACHES.indexOf(invite.reach)]),
    counted(limited(invite.bootstrap, ADDRESSES_MAX).map(encodeAddress)),
    counted(limited(invite.issuers, INVITE_KEYS_MAX)),
    counted(limited(invite.relays, INVITE_KEYS_MAX)),
    // Left out where there are none, so that an older HAIF can read it.
    ...(invite.tlsRelays.length === 0 ? [] : [texts(invite.tlsRelays.map(tlsAddressText))])
  ])
  const bytes = Buffer.concat([head(HEAD_BYTES + body.length + CHECKSUM_BYTES), body])
  return PREFIX + z32.encode(Buffer.concat([bytes, checksum(bytes)]))
}

/**
 * Ignores case, because a phone may begin with a capital and a QR code may have capitals only;
 * white space, because a terminal may have broken the line; and the command before it, because
 * people copy the whole line.
 */
export function decodeInvite(text: string): Invite {
  const key = text.toLowerCase().replace(/^.*\bjoin\s+(?=haif_)/s, '')
  const reader = new Reader(wholeBytes(key.replaceAll(/\s+/g, '')))
  const meshKey = reader.take(KEY_BYTES)
  const secret = reader.take(SECRET_BYTES)
  const roleBits = reader.byte()
  const flags = reader.byte()
  const expiry = reader.take(4).readUInt32BE()
  const uses = reader.take(2).readUInt16BE()
  const name = reader.take(reader.byte()).toString()
  const reach = REACHES[reader.byte()]
  const bootstrap = reader.many(ADDRESS_BYTES).map(decodeAddress)
  const [issuers, relays] = [reader.many(KEY_BYTES), reader.many(KEY_BYTES)]
  const overTls = reader.isAtEnd ? [] : reader.texts()
  const roles = ROLES.filter((_, bit) => (roleBits & (1 << bit)) !== 0)
  const isKnown = roleBits >> ROLES.length === 0 && (flags & ~APPROVE) === 0
  if (reach === undefined || !isKnown || !reader.isAtEnd) {
    throw invalid('was made by a newer HAIF; update HAIF on this machine')
  }
  return {
    meshKey,
    secret,
    roles,
    name,
    expiresAt: expiry === 0 ? null : expiry * 1000,
    usesMax: uses === MANY ? null : uses,
    approve: (flags & APPROVE) !== 0,
    reach,
    bootstrap,
    issuers,
    relays,
    tlsRelays: parseTlsAddresses(overTls.join(','))
  }
}

/** The bytes between head and checksum of a text that is whole. */
function wholeBytes(text: string): Buffer {
  const coded = codedPart(text)
  const start = bytesOf(coded.slice(0, charactersFor(HEAD_BYTES)))
  if (start.length < HEAD_BYTES) throw cutOff()
  const [version, high, low, parity] = start as unknown as [number, number, number, number]
  if (parity !== (version ^ high ^ low)) throw notOfThisVersion(bytesOf(coded))
  if (version !== VERSION) {
    throw invalid(`has version ${version}, and this HAIF knows ${VERSION}; update the older one`)
  }
  const length = (high << 8) | low
  const own = coded.slice(0, charactersFor(length))
  const bytes = bytesOf(own)
  if (bytes.length < length) throw cutOff()
  const end = length - CHECKSUM_BYTES
  if (!checksum(bytes.subarray(0, end)).equals(bytes.subarray(end, length))) throw mistyped()
  if (z32.encode(bytes) !== own) throw mistyped() // in bits of its last character that are unused
  if (coded.length > own.length) throw invalid('has something after its end; copy it alone')
  return bytes.subarray(HEAD_BYTES, end)
}

function codedPart(text: string): string {
  if (!text.startsWith(PREFIX)) {
    // The beginning of the prefix alone is what is left of a key that was cut off very early.
    if (text !== '' && PREFIX.startsWith(text)) throw cutOff()
    throw invalid(`does not begin with "${PREFIX}"; copy the whole line that "haif invite" prints`)
  }
  const coded = text.slice(PREFIX.length)
  if (!/^[a-z]+_/.test(coded)) return coded
  throw invalid(
    'is a token, with which clients ask; a machine joins with what "haif invite" prints'
  )
}

const charactersFor = (bytes: number): number => Math.ceil((bytes * 8) / 5)

/** Only whole bytes: z32 makes one more of the bits that are left over. */
function bytesOf(coded: string): Buffer {
  try {
    return z32.decode(coded).subarray(0, Math.floor((coded.length * 5) / 8))
  } catch (error) {
    throw mistyped(error)
  }
}

/** Before invites a topic key was the secret of the whole mesh. */
const OLD_VERSION = 1
const OLD_LEAST_BYTES = 39

function notOfThisVersion(bytes: Buffer): HaifError {
  const length = bytes.length - ((bytes.length - OLD_LEAST_BYTES) % ADDRESS_BYTES)
  const end = length - CHECKSUM_BYTES
  const isOld =
    bytes[0] === OLD_VERSION &&
    length >= OLD_LEAST_BYTES &&
    checksum(bytes.subarray(0, end)).equals(bytes.subarray(end, length))
  if (!isOld) return mistyped()
  return new HaifError(
    'TOPIC_KEY_OLD',
    'this topic key was made before HAIF had invites, and no machine can join with it any more: ' +
      'update HAIF where the mesh runs, and run "haif invite" there'
  )
}

const invalid = (problem: string): HaifError =>
  new HaifError('TOPIC_KEY_INVALID', `the topic key ${problem}`)

const mistyped = (cause?: unknown): HaifError =>
  new HaifError(
    'TOPIC_KEY_INVALID',
    'the topic key is mistyped: some of its characters are not as they were made; copy it again',
    { cause }
  )

const cutOff = (): HaifError =>
  new HaifError(
    'TOPIC_KEY_CUT_OFF',
    'the topic key is cut off: characters are missing, most likely at its end; ' +
      'copy the whole line that "haif invite" prints'
  )

/** Reads what `wholeBytes` has found to be as it was made. */
class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  take(length: number): Buffer {
    const end = this.#at + length
    if (end > this.#bytes.length) throw invalid('was made by a newer HAIF; update this machine')
    const part = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return Buffer.from(part)
  }

  byte(): number {
    return this.take(1)[0]!
  }

  texts(): string[] {
    return Array.from({ length: this.byte() }, () => this.take(this.byte()).toString())
  }

  many(length: number): Buffer[] {
    return Array.from({ length: this.byte() }, () => this.take(length))
  }
}

function head(length: number): Buffer {
  const [high, low] = [length >> 8, length & 0xff]
  return Buffer.from([VERSION, high, low, VERSION ^ high ^ low])
}

function numbers({ expiresAt, usesMax }: Invite): Buffer {
  const bytes = Buffer.alloc(6)
  bytes.writeUInt32BE(expiresAt === null ? 0 : Math.ceil(expiresAt / 1000))
  bytes.writeUInt16BE(usesMax === null ? MANY : Math.min(usesMax, USES_MAX), 4)
  return bytes
}

const rolesByte = (roles: readonly PeerRole[]): number =>
  roles.reduce((bits, role) => bits | (1 << ROLES.indexOf(role)), 0)

function limited<Entry>(list: readonly Entry[], max: number): readonly Entry[] {
  if (list.length <= max) return list
  throw new HaifError('CONFIG_INVALID', `a topic key has room for ${max} of these, not more`)
}

const counted = (parts: readonly Buffer[]): Buffer =>
  Buffer.concat([Buffer.from([parts.length]), ...parts])

const texts = (parts: readonly string[]): Buffer =>
  counted(parts.map((part) => counted([...Buffer.from(part)].map((byte) => Buffer.from([byte])))))

function checksum(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest().subarray(0, CHECKSUM_BYTES)
}

function encodeAddress({ host, port }: Address): Buffer {
  if (!isIPv4(host)) throw new HaifError('CONFIG_INVALID', `${host} is not an IPv4 address`)
  const bytes = Buffer.alloc(ADDRESS_BYTES)
  bytes.set(host.split('.').map(Number))
  bytes.writeUInt16BE(port, 4)
  return bytes
}

function decodeAddress(bytes: Buffer): Address {
  return { host: bytes.subarray(0, 4).join('.'), port: bytes.readUInt16BE(4) }
}
