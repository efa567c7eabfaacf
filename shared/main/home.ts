/**
 * HAIF_HOME: what a machine keeps between two runs.
 *
 *   mesh/           the root key of the mesh that `haif up` makes here; and of each mesh the list of
 *                   revoked peers, and the peers met last
 *   bootstrap.port  where its first DHT node listens, so that the topic key stays the same
 *   topic.key       the mesh last started or joined here; `haif infer` and others use it
 *   tls.relays      where relays listen for TLS, for a network without UDP
 *   keys/           one key pair for each peer that runs here
 *   models/         downloaded models
 *   digests.json    the SHA-256 of model files that were hashed
 *   speeds.json     what this machine was measured to do with models
 *   kernels/        code that a GPU's driver has compiled for it
 *   state/          the embedded database, and what waits to be written to any database
 *   token.pepper    what the hashes of tokens hang on, where a gateway runs
 *   audit.json      the signed ends of the audit's chains, where a gateway runs
 *   home.json       the HAIF that wrote it
 *   database.mark   there has been a database: an empty one in its place is an alarm
 *   tokens.mark     there have been tokens: a database without any is an alarm
 */
import { hash } from 'node:crypto'
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync
} from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import type { KeyPair } from 'hyperdht'
import { readSecret, readString, type Environment } from '#shared/process/config.ts'
import { HaifError } from '#shared/errors.ts'
import { lockFile, type FileLock } from '#shared/process/file-lock.ts'
import { parseTlsAddresses, type TlsAddress } from '#shared/mesh/connection/tls/tls-address.ts'
import { loadIdentity } from '#shared/mesh/identity.ts'
import { decodeTopicKey, type TopicKey } from '#shared/mesh/discovery/topic-key.ts'
import { assertKnownHome, noteVersion } from './home-version.ts'
import { Mark } from './mark.ts'
import { loadSecretFile, readIfThere, tightenSecretFile } from '#shared/process/secret-file.ts'

/** Workers, say, that may run on one home at the same time. */
const PEERS_OF_A_ROLE_MAX = 64
const PEPPER_CHARACTERS_MIN = 32
const MESH_NAME_CHARACTERS = 8

export class Home {
  readonly folder: string

  constructor(env: Environment) {
    this.folder = resolve(readString(env, 'HAIF_HOME', join(homedir(), '.haif')))
    try {
      mkdirSync(join(this.folder, 'keys'), { recursive: true, mode: 0o700 })
      mkdirSync(this.meshFolder, { recursive: true, mode: 0o700 })
      accessSync(this.folder, constants.W_OK)
    } catch (error) {
      throw new HaifError(
        'CONFIG_INVALID',
        `${this.folder} cannot be used as HAIF_HOME (${(error as NodeJS.ErrnoException).code}): set HAIF_HOME to a folder that you can write to`,
        { cause: error }
      )
    }
    assertKnownHome(this.folder)
  }

  get models(): string {
    return join(this.folder, 'models')
  }

  get digests(): string {
    return join(this.folder, 'digests.json')
  }

  get speeds(): string {
    return join(this.folder, 'speeds.json')
  }

  get kernels(): string {
    return join(this.folder, 'kernels')
  }

  /** The folder of the embedded database, and of usage that waits for any database. */
  get state(): string {
    return join(this.folder, 'state')
  }

  get meshFolder(): string {
    return join(this.folder, 'mesh')
  }

  /** The seed of the root key: whoever has it signs certificates of the mesh. */
  meshSecret(): Buffer {
    return this.#secret('mesh/root.key', 'every machine that joined knows the mesh by it')
  }

  get databaseMark(): Mark {
    const says =
      'There has been a database in state/postgres. Without this file HAIF makes a new one.'
    return new Mark(join(this.folder, 'database.mark'), says)
  }

  get tokensMark(): Mark {
    const says = 'There have been tokens. Without this file a database without tokens lets all in.'
    return new Mark(join(this.folder, 'tokens.mark'), says)
  }

  /** One that is gone while what hangs on it is there is never made anew in silence. */
  #secret(name: string, why: string): Buffer {
    const file = join(this.folder, name)
    const isUsed = this.databaseMark.isSet() || this.tokensMark.isSet()
    if (!isUsed || existsSync(file)) return loadSecretFile(file)
    throw new HaifError(
      'STATE_LOST',
      `${file} is gone, and ${why}: bring it back from a copy of HAIF_HOME, or restore a backup ` +
        'that has the keys with "haif db restore". Without a copy, keep what is there and start ' +
        'with an empty HAIF_HOME'
    )
  }

  /** Held while `haif up` runs; a second one gets HOME_IN_USE. */
  lockForUp(): FileLock {
    const lock = lockFile(join(this.folder, 'up.lock'))
    if (lock !== null) return lock
    throw new HaifError(
      'HOME_IN_USE',
      `"haif up" runs already on ${this.folder}; stop it first, or set HAIF_HOME to another folder`
    )
  }

  /**
   * The key pair of a peer that runs here. Two workers on one home are two peers, so each takes the
   * first key that no running process holds.
   */
  identity(role: string): KeyPair {
    noteVersion(this.folder)
    for (let number = 1; number <= PEERS_OF_A_ROLE_MAX; number++) {
      const name = number === 1 ? role : `${role}-${number}`
      const lock = lockFile(join(this.folder, 'keys', `${name}.lock`))
      if (lock !== null) return loadIdentity(join(this.folder, 'keys', `${name}.key`))
    }
    throw new HaifError('HOME_IN_USE', `${PEERS_OF_A_ROLE_MAX} peers run on ${this.folder} already`)
  }

  /** `HAIF_TOKEN_PEPPER`, or the file that `HAIF_TOKEN_PEPPER_FILE` names, or one of our own. */
  tokenPepper(env: Environment): Buffer {
    const text = readSecret(env, 'HAIF_TOKEN_PEPPER')
    if (text === null) return this.#secret('token.pepper', 'no token is known without it')
    if (text.length >= PEPPER_CHARACTERS_MIN) return Buffer.from(text)
    throw new HaifError(
      'CONFIG_INVALID',
      `HAIF_TOKEN_PEPPER is too short: give it at least ${PEPPER_CHARACTERS_MIN} random characters`
    )
  }

  get auditCheckpoints(): string {
    return join(this.folder, 'audit.json')
  }

  /**
   * Where a gateway of that mesh keeps the key of its operator. One file for each mesh, so that the
   * key of one is never shown to another.
   */
  operatorKeyFile({ secret }: TopicKey): string {
    const name = hash('sha256', secret).slice(0, MESH_NAME_CHARACTERS)
    return join(this.folder, 'keys', `operator-${name}.token`)
  }

  /** Null when no gateway of the mesh has run here. */
  operatorKey(topicKey: TopicKey): string | null {
    return readIfThere(this.operatorKeyFile(topicKey))
  }

  /** Public keys, hex, of the peers of a role that have run here. */
  keysOf(role: string): Set<string> {
    const name = new RegExp(`^${role}(-\\d+)?\\.key$`)
    const files = readdirSync(join(this.folder, 'keys')).filter((file) => name.test(file))
    return new Set(
      files.map((file) => {
        const { publicKey } = loadIdentity(join(this.folder, 'keys', file))
        return publicKey.toString('hex')
      })
    )
  }

  get bootstrapPort(): number {
    return Number(this.#read('bootstrap.port') ?? 0)
  }

  set bootstrapPort(port: number) {
    this.#write('bootstrap.port', String(port))
  }

  rememberTopicKey(text: string): void {
    this.#write('topic.key', text)
  }

  /**
   * From the option, HAIF_TOPIC_KEY, the file that HAIF_TOPIC_KEY_FILE names, or the mesh that this
   * machine last started or joined.
   */
  topicKey(option: string | undefined, env: Environment): TopicKey {
    const given = option ?? (readString(env, 'HAIF_TOPIC_KEY', '') || null)
    const file = readString(env, 'HAIF_TOPIC_KEY_FILE', '')
    const text = given ?? (file === '' ? null : readKeyFile(file)) ?? this.#read('topic.key')
    if (text !== null) return decodeTopicKey(text)
    throw new HaifError(
      'CONFIG_INVALID',
      'this machine knows no mesh yet: start one with "haif up", or give a topic key with --topic-key or HAIF_TOPIC_KEY'
    )
  }

  /**
   * Where relays listen for TLS: `HAIF_TLS_RELAYS`, or those that this machine joined with.
   */
  tlsRelays(env: Environment): TlsAddress[] {
    return parseTlsAddresses(
      readString(env, 'HAIF_TLS_RELAYS', '') || (this.#read('tls.relays') ?? '')
    )
  }

  rememberTlsRelays(texts: readonly string[]): void {
    this.#write('tls.relays', texts.join(','))
  }

  #read(name: string): string | null {
    const file = join(this.folder, name)
    const text = readIfThere(file)
    if (text !== null && name === 'topic.key') tightenSecretFile(file)
    return text
  }

  #write(name: string, text: string): void {
    writeFileSync(join(this.folder, name), `${text}\n`, { mode: 0o600 })
  }
}

function readKeyFile(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    throw new HaifError(
      'CONFIG_INVALID',
      `HAIF_TOPIC_KEY_FILE=${path} cannot be read (${(error as NodeJS.ErrnoException).code}): the bootstrap service writes it when it is up`,
      { cause: error }
    )
  }
}
