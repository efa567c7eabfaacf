/** Signs in the name of a key pair, as a mesh does for its peer. */
import type { KeyPair } from 'hyperdht'
import { signed, type StatementKind } from '#shared/mesh/membership/signature.ts'

export const signedBy =
  (keyPair: KeyPair) =>
  (kind: StatementKind, bytes: Uint8Array): Buffer =>
    signed(kind, bytes, keyPair)
