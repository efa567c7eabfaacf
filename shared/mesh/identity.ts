/** A peer's key pair, kept in a file that only its owner can read. Its public key is its name. */
import { randomBytes } from 'node:crypto'
import DHT, { type KeyPair } from 'hyperdht'
import { loadSecretFile } from '#shared/process/secret-file.ts'

const SEED_BYTES = 32

/** Loads the key pair, or makes it the first time. The file holds the seed in hex. */
export function loadIdentity(file: string): KeyPair {
  return DHT.keyPair(loadSecretFile(file))
}

/** A key pair for this run only. */
export function temporaryIdentity(seed = randomBytes(SEED_BYTES)): KeyPair {
  return DHT.keyPair(seed)
}
