/**
 * What a peer holds of its mesh: its certificate, and the discovery secrets of the epochs that are
 * in use, from which the topics follow. They are kept beside the peer's key, under the name of the
 * mesh, because one key may be a member of several.
 */
import { renameSync, writeFileSync } from 'node:fs'
import process from 'node:process'
import c, { type State } from 'compact-encoding'
import { HaifError } from '#shared/errors.ts'
import { readIfThere, tightenSecretFile } from '#shared/process/secret-file.ts'
import {
  CERTIFICATE_BYTES_MAX,
  decodeCertificate,
  encodeCertificate,
  type Certificate
} from './certificate-encoding.ts'
import { readRevocations, type RevocationList } from './revocation.ts'

const VERSION = 1
const SECRET_BYTES = 32
/** The epoch in use, and while the mesh moves on, the one before or after. */
export const EPOCHS_MAX = 2
/** Of the mesh's public key, in hex, in the names of files. */
const MESH_NAME_CHARACTERS = 8

export interface Epoch {
  number: number
  discoverySecret: Buffer
}

export interface Credentials {
  certificate: Certificate
  /** Newest first, at least one, at most EPOCHS_MAX. */
  epochs: readonly Epoch[]
}

export function encodeCredentials(credentials: Credentials): Buffer {
  return Buffer.from(c.encode(credentialsCodec, credentials))
}

export function decodeCredentials(bytes: Uint8Array): Credentials {
  try {
    return c.decode(credentialsCodec, Buffer.from(bytes))
  } catch (error) {
    throw new HaifError('WRONG_MESH', 'the credentials are malformed', { cause: error })
  }
}

/** `keyFile`: where the peer's key is, as `keys/worker.key`. */
export function credentialsFile(keyFile: string, mesh: Buffer): string {
  return keyFile.replace(/\.key$/, `.${meshName(mesh)}.credentials`)
}

export function meshName(mesh: Buffer): string {
  return mesh.toString('hex').slice(0, MESH_NAME_CHARACTERS)
}

/** Null when there is no such file. */
export function readCredentials(file: string): Credentials | null {
  const text = readIfThere(file)
  if (text === null) return null
  tightenSecretFile(file)
  try {
    return decodeCredentials(Buffer.from(text, 'base64'))
  } catch (error) {
    throw new HaifError(
      'CONFIG_INVALID',
      `${file} is damaged: keep a copy of it and move it away, then join again with a new invite`,
      { cause: error }
    )
  }
}

export function writeCredentials(file: string, credentials: Credentials): void {
  writeWhole(file, encodeCredentials(credentials).toString('base64'))
}

/** Null when there is no such file. Without its list a peer would let in who was removed. */
export function readRevocationFile(file: string, mesh: Buffer): RevocationList | null {
  const text = readIfThere(file)
  if (text === null) return null
  try {
    return readRevocations(Buffer.from(text, 'base64'), mesh, null)
  } catch (error) {
    throw new HaifError(
      'CONFIG_INVALID',
      `${file} is damaged: move it away, and the list of revoked peers comes with the next connection`,
      { cause: error }
    )
  }
}

export function writeRevocationFile(file: string, { bytes }: RevocationList): void {
  writeWhole(file, bytes.toString('base64'))
}

/** A reader, or this process after a crash, sees the old file or the new one. */
export function writeWhole(file: string, text: string): void {
  const draft = `${file}.${process.pid}.draft`
  writeFileSync(draft, `${text}\n`, { mode: 0o600 })
  renameSync(draft, file)
}

const secret = c.fixed(SECRET_BYTES)

const credentialsCodec = {
  preencode(state: State, { certificate, epochs }: Credentials): void {
    c.uint8.preencode(state, VERSION)
    c.uint8array.preencode(state, encodeCertificate(certificate))
    c.uint.preencode(state, epochs.length)
    for (const { number, discoverySecret } of epochs) {
      c.uint.preencode(state, number)
      secret.preencode(state, discoverySecret)
    }
  },
  encode(state: State, { certificate, epochs }: Credentials): void {
    c.uint8.encode(state, VERSION)
    c.uint8array.encode(state, encodeCertificate(certificate))
    c.uint.encode(state, epochs.length)
    for (const { number, discoverySecret } of epochs) {
      c.uint.encode(state, number)
      secret.encode(state, discoverySecret)
    }
  },
  decode(state: State): Credentials {
    if (c.uint8.decode(state) !== VERSION) throw new RangeError('unknown version')
    const bytes = c.uint8array.decode(state)
    if (bytes.length > CERTIFICATE_BYTES_MAX) throw new RangeError('too long')
    const certificate = decodeCertificate(bytes)
    const count = c.uint.decode(state)
    if (count < 1 || count > EPOCHS_MAX) throw new RangeError('a wrong number of epochs')
    const epochs = Array.from({ length: count }, () => ({
      number: c.uint.decode(state),
      discoverySecret: Buffer.from(secret.decode(state))
    }))
    return { certificate, epochs }
  }
}
