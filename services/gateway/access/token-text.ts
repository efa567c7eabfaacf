/**
 * A token as its owner has it: `haif_<kind>_<id>_<secret>`.
 *
 * The id finds the token, the secret proves it. What is kept is an HMAC under a pepper that the
 * database does not have: 32 random bytes need no slow hash, which would only let strangers keep us
 * busy (an HMAC takes 2 µs, scrypt 32 ms).
 */
import { createHmac, randomBytes, timingSafeEqual, type KeyObject } from 'node:crypto'

const SECRET_BYTES = 32
const ID_BYTES = 8
const HINT_CHARACTERS = 4

export const TokenKind = { user: 'user', operator: 'operator', metrics: 'metrics' } as const
export type TokenKind = (typeof TokenKind)[keyof typeof TokenKind]

const TEXT = /^haif_(user|operator|metrics)_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/

export interface TokenText {
  kind: TokenKind
  id: string
  /** The whole token. */
  text: string
  /** Its end, to recognise it by. */
  hint: string
}

export function mintToken(kind: TokenKind, random = randomBytes): TokenText {
  const id = random(ID_BYTES).toString('hex')
  const secret = random(SECRET_BYTES).toString('base64url')
  return { kind, id, text: `haif_${kind}_${id}_${secret}`, hint: secret.slice(-HINT_CHARACTERS) }
}

/** Null when it is no token of this form, as a static one is not. */
export function parseToken(text: string): TokenText | null {
  const match = TEXT.exec(text)
  if (match === null) return null
  const [, kind, id, secret] = match
  return { kind: kind as TokenKind, id: id!, text, hint: secret!.slice(-HINT_CHARACTERS) }
}

/** `pepper`: a key object, as to make one of its bytes takes longer than the hash. */
export function hashToken(pepper: KeyObject, text: string): Buffer {
  return createHmac('sha256', pepper).update(text).digest()
}

/** Takes as long wherever the two differ. */
export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
