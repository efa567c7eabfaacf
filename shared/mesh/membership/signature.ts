/**
 * Ed25519 signatures with the key pairs that hyperdht makes. Each kind of statement is signed under
 * a name of its own, so that a signature under one kind is worth nothing under another.
 *
 * Libsodium, which hyperdht brings, takes half the time of Node's own, and takes the keys as they
 * are: 30 µs to sign, 60 µs to verify.
 */
import type { KeyPair } from 'hyperdht'
import sodium from 'sodium-universal'

export const SIGNATURE_BYTES = 64
const KEY_BYTES = 32

export type StatementKind =
  | 'certificate'
  | 'issuer'
  | 'revocations'
  | 'hello'
  | 'permits'
  | 'order'
  | 'receipt'
  | 'weights'
  | 'key'

export function signed(kind: StatementKind, bytes: Uint8Array, { secretKey }: KeyPair): Buffer {
  const signature = Buffer.allocUnsafe(SIGNATURE_BYTES)
  sodium.crypto_sign_detached(signature, named(kind, bytes), secretKey)
  return signature
}

export function isSigned(
  kind: StatementKind,
  bytes: Uint8Array,
  signature: Uint8Array,
  publicKey: Buffer
): boolean {
  // Libsodium throws for lengths that cannot be.
  if (signature.length !== SIGNATURE_BYTES || publicKey.length !== KEY_BYTES) return false
  return sodium.crypto_sign_verify_detached(signature, named(kind, bytes), publicKey)
}

function named(kind: StatementKind, bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`haif/${kind}/1\0`), bytes])
}
