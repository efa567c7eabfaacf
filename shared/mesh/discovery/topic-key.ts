/**
 * The topic key is what a person copies to another machine: the mesh secret, and where the DHT is
 * when it is not the public one, as one printable string with a checksum.
 *
 *   haif_ + z-base-32(
 *     version 1 | secret 32 | reach 1 | count 1 | count × (IPv4 4, port 2) | checksum 4
 *   )
 */
import { createHash } from 'node:crypto'
import { isIPv4 } from 'node:net'
import z32 from 'z32'
import { HaifError } from '#shared/errors.ts'

const PREFIX = 'haif_'
const VERSION = 1
const SECRET_BYTES = 32
const CHECKSUM_BYTES = 4
const ADDRESS_BYTES = 6
const ADDRESSES_MAX = 8

/** The machines that can be peers: only this one, those of the local network, or any. */
export const REACHES = ['local', 'lan', 'public'] as const
export type Reach = (typeof REACHES)[number]

export interface Address {
  host: string
  port: number
}

export interface TopicKey {
  /** The seed of the mesh's root key: whoever has it signs certificates. */
  secret: Buffer
  reach: Reach
  /** DHT nodes to begin with; empty for the public DHT. */
  bootstrap: Address[]
}

export function encodeTopicKey({ secret, reach, bootstrap }: TopicKey): string {
  if (bootstrap.length > ADDRESSES_MAX) {
    throw new HaifError('CONFIG_INVALID', `at most ${ADDRESSES_MAX} bootstrap addresses`)
  }
  const head = Buffer.from([REACHES.indexOf(reach), bootstrap.length])
  const body = Buffer.concat([
    Buffer.from([VERSION]),
    secret,
    head,
    ...bootstrap.map((address) => encodeAddress(address))
  ])
  return PREFIX + z32.encode(Buffer.concat([body, checksum(body)]))
}

/** Ignores case, because a phone may begin with a capital, and a QR code may have capitals only. */
export function decodeTopicKey(text: string): TopicKey {
  const body = decodeBody(text.trim().toLowerCase())
  const secret = body.subarray(1, 1 + SECRET_BYTES)
  const reach = REACHES[body[1 + SECRET_BYTES]!]
  const count = body[2 + SECRET_BYTES]!
  const addresses = body.subarray(3 + SECRET_BYTES)
  if (reach === undefined || addresses.length !== count * ADDRESS_BYTES) throw invalid('is damaged')
  const bootstrap = Array.from({ length: count }, (_, i) =>
    decodeAddress(addresses.subarray(i * ADDRESS_BYTES, (i + 1) * ADDRESS_BYTES))
  )
  return { secret: Buffer.from(secret), reach, bootstrap }
}

function decodeBody(text: string): Buffer {
  if (!text.startsWith(PREFIX)) throw invalid(`does not begin with "${PREFIX}"`)
  let bytes: Buffer
  try {
    bytes = z32.decode(text.slice(PREFIX.length))
  } catch (error) {
    throw invalid('has a character that no topic key has', error)
  }
  // The last character may stand for some bits more than the bytes have.
  const least = 1 + SECRET_BYTES + 2 + CHECKSUM_BYTES
  const length = least + ADDRESS_BYTES * Math.floor((bytes.length - least) / ADDRESS_BYTES)
  if (bytes.length < least) throw invalid('is cut off')
  if (bytes[0] !== VERSION) {
    throw invalid(
      `has version ${bytes[0]}, and this HAIF knows ${VERSION}: ` +
        'is it mistyped, or one of them older?'
    )
  }
  const body = bytes.subarray(0, length - CHECKSUM_BYTES)
  const given = bytes.subarray(length - CHECKSUM_BYTES, length)
  const isWhole = PREFIX + z32.encode(bytes.subarray(0, length)) === text
  if (!isWhole || !checksum(body).equals(given)) throw invalid('is mistyped or cut off')
  return body
}

function invalid(problem: string, cause?: unknown): HaifError {
  const message = `the topic key ${problem}; copy the whole line that "haif up" prints`
  return new HaifError('TOPIC_KEY_INVALID', message, { cause })
}

function checksum(body: Buffer): Buffer {
  return createHash('sha256').update(body).digest().subarray(0, CHECKSUM_BYTES)
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
