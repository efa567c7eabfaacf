/**
 * A certificate for TLS that nobody has signed, for a relay that was given none.
 *
 * It makes the connection look like any other to port 443, and no more: who a relay is, and who is
 * behind it, each peer finds out in the Noise handshake inside. Node.js has no maker of X.509
 * certificates, and the few fields of this one are always the same, so it is written here in DER.
 */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'

export interface TlsCertificate {
  /** In PEM. */
  key: string
  cert: string
}

const YEARS = 10

export function makeSelfSigned(name: string, now = new Date()): TlsCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const until = new Date(now)
  until.setUTCFullYear(now.getUTCFullYear() + YEARS)
  const subject = sequence(set(sequence(COMMON_NAME, der(UTF8_STRING, Buffer.from(name)))))
  const statement = sequence(
    der(VERSION, der(INTEGER, Buffer.from([2]))), // version 3
    der(INTEGER, Buffer.concat([Buffer.from([1]), randomBytes(15)])), // serial number, positive
    sequence(ECDSA_WITH_SHA256),
    subject, // of the issuer, too
    sequence(time(now), time(until)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' })
  )
  const signature = sign('sha256', statement, privateKey)
  const certificate = sequence(
    statement,
    sequence(ECDSA_WITH_SHA256),
    der(BIT_STRING, Buffer.concat([Buffer.from([0]), signature]))
  )
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: pem(certificate)
  }
}

const [INTEGER, BIT_STRING, UTF8_STRING, GENERALIZED_TIME] = [0x02, 0x03, 0x0c, 0x18] as const
const [SEQUENCE, SET, VERSION] = [0x30, 0x31, 0xa0] as const
/** Object identifiers 1.2.840.10045.4.3.2 and 2.5.4.3, encoded. */
const ECDSA_WITH_SHA256 = Buffer.from('06082a8648ce3d040302', 'hex')
const COMMON_NAME = Buffer.from('0603550403', 'hex')

function der(tag: number, content: Buffer): Buffer {
  const { length } = content
  // From 128 on, the length is written in as many bytes as it takes, and their number before it.
  const head =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...head]), content])
}

const sequence = (...parts: Buffer[]): Buffer => der(SEQUENCE, Buffer.concat(parts))
const set = (part: Buffer): Buffer => der(SET, part)

/** As 20261128051500Z. */
function time(date: Date): Buffer {
  const digits = date.toISOString().replaceAll(/[-:T]|\.\d+/g, '')
  return der(GENERALIZED_TIME, Buffer.from(digits))
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g)!
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}
