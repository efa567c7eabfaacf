/** Bytes that only a passphrase opens: AES-256-GCM, with a key that scrypt makes of it. */
import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto'
import { Type, type Static } from 'typebox'
import { Compile } from '#shared/validator.ts'
import { HaifError } from '#shared/errors.ts'

/** 64 MB and a fifth of a second for each guess. */
const COST = { N: 65_536, r: 8, p: 1 }
const MEMORY_BYTES_MAX = 256 * 1024 * 1024
const KEY_BYTES = 32
const SALT_BYTES = 16
const NONCE_BYTES = 12
const PASSPHRASE_CHARACTERS_MIN = 12

const Hex = (bytes: number) => Type.String({ pattern: `^[0-9a-f]{${bytes * 2}}$` })

/** The cost stands beside the data, bounded: a later HAIF may take a higher one. */
export const Sealed = Type.Object({
  n: Type.Integer({ minimum: 16_384, maximum: 262_144 }),
  salt: Hex(SALT_BYTES),
  nonce: Hex(NONCE_BYTES),
  tag: Hex(16),
  data: Type.String({ maxLength: 64 * 1024 * 1024 })
})
export type Sealed = Static<typeof Sealed>

const sealed = Compile(Sealed)

export function seal(bytes: Buffer, passphrase: string): Sealed {
  if (passphrase.length < PASSPHRASE_CHARACTERS_MIN) {
    throw new HaifError(
      'CONFIG_INVALID',
      `the passphrase is too short: give it at least ${PASSPHRASE_CHARACTERS_MIN} characters`
    )
  }
  const [salt, nonce] = [randomBytes(SALT_BYTES), randomBytes(NONCE_BYTES)]
  const cipher = createCipheriv('aes-256-gcm', keyOf(passphrase, salt, COST.N), nonce)
  const data = Buffer.concat([cipher.update(bytes), cipher.final()])
  return {
    n: COST.N,
    salt: salt.toString('hex'),
    nonce: nonce.toString('hex'),
    tag: cipher.getAuthTag().toString('hex'),
    data: data.toString('base64')
  }
}

/** Throws BACKUP_INVALID with another passphrase, and when a bit was changed. */
export function unseal(value: unknown, passphrase: string): Buffer {
  if (!sealed.Check(value)) throw unopened('what is sealed in it is cut off')
  const [salt, nonce, tag] = [value.salt, value.nonce, value.tag].map((hex) =>
    Buffer.from(hex, 'hex')
  )
  const decipher = createDecipheriv('aes-256-gcm', keyOf(passphrase, salt!, value.n), nonce!)
  decipher.setAuthTag(tag!)
  try {
    return Buffer.concat([decipher.update(Buffer.from(value.data, 'base64')), decipher.final()])
  } catch (error) {
    throw unopened('the passphrase is another one, or the file was changed', error)
  }
}

const keyOf = (passphrase: string, salt: Buffer, n: number): Buffer =>
  scryptSync(passphrase.normalize('NFC'), salt, KEY_BYTES, {
    ...COST,
    N: n,
    maxmem: MEMORY_BYTES_MAX
  })

const unopened = (why: string, cause?: unknown): HaifError =>
  new HaifError('BACKUP_INVALID', `the keys in the backup cannot be opened: ${why}`, { cause })
