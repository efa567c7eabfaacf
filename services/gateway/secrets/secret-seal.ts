/**
 * Seals values of secrets for the database: AES-256-GCM with a key of the gateways, bound to the
 * name under which a value stands, so that no row can be put in the place of another.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { HaifError } from '#shared/errors.ts'

const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16

export class SecretSeal {
  readonly #key: Buffer

  /** `pepper`: the same at all gateways of a store. */
  constructor(pepper: Buffer) {
    this.#key = Buffer.from(hkdfSync('sha256', pepper, '', 'haif secrets of functions', KEY_BYTES))
  }

  seal(place: string, value: string): string {
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce).setAAD(Buffer.from(place))
    const bytes = Buffer.concat([cipher.update(value, 'utf8'), cipher.final()])
    return Buffer.concat([nonce, cipher.getAuthTag(), bytes]).toString('base64')
  }

  /** Throws STATE_LOST where another key has sealed it, or a bit was changed. */
  open(place: string, sealed: string): string {
    const all = Buffer.from(sealed, 'base64')
    const nonce = all.subarray(0, NONCE_BYTES)
    try {
      const cipher = createDecipheriv('aes-256-gcm', this.#key, nonce)
        .setAAD(Buffer.from(place))
        .setAuthTag(all.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
      const bytes = all.subarray(NONCE_BYTES + TAG_BYTES)
      return Buffer.concat([cipher.update(bytes), cipher.final()]).toString('utf8')
    } catch (cause) {
      const message = `the secret ${place} cannot be opened: set it again (haif secrets set)`
      throw new HaifError('STATE_LOST', message, { cause })
    }
  }
}
