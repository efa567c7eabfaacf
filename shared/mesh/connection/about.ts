/**
 * What each side says of itself when the hello is over, and again when it has changed: how the
 * connection is kept alive, and what else there is in its process.
 */
import { Type, type Static } from 'typebox'
import { Compile } from '#shared/validator.ts'

/** Says it at any later time. */
export const ABOUT_EVENT = 'haif/about'

/** Listening peers of one process. */
export const BESIDE_MAX = 8
const BYTES_MAX = 2048

const Key = Type.String({ pattern: '^[0-9a-f]{64}$' })

const About = Type.Object({
  /** The dialler says something this often while the connection is idle. */
  keepAliveMs: Type.Integer({ minimum: 100, maximum: 60_000 }),
  /** Keys of the listening peers that share the DHT node: they are reached over the same hole. */
  beside: Type.Array(Key, { maxItems: BESIDE_MAX }),
  /** The key under which this process relays for members; absent: it does not. */
  relay: Type.Optional(Key),
  /** The port where it does so over TLS. */
  tlsPort: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 }))
})
export type About = Static<typeof About>

const about = Compile(About)

export const encodeAbout = (value: About): Buffer => Buffer.from(JSON.stringify(value))

/** Null when it cannot be read; the connection does without it. */
export function decodeAbout(bytes: Buffer): About | null {
  if (bytes.length > BYTES_MAX) return null
  try {
    const value: unknown = JSON.parse(bytes.toString())
    return about.Check(value) ? value : null
  } catch {
    return null
  }
}
