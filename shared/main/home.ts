/**
 * HAIF_HOME: what a machine keeps between two runs.
 *
 *   mesh/           the mesh last started or joined here, with its root key where it was made;
 *                   and of each mesh the list of revoked peers, and the peers met last
 *   bootstrap.port  where its first DHT node listens, so that topic keys stay good
 *   tls.relays      where relays listen for TLS, for a network without UDP
 *   keys/           one key pair for each peer that runs here, and its certificate
 *   models/         downloaded models
 *   artifacts/      what tasks of jobs have made here
 *   chat-history    what was asked in chats of the terminal
 *   workers/        what operators have told each worker of this home
 *   digests.json    the SHA-256 of model files that were hashed
 *   speeds.json     what this machine was measured to do with models
 *   kernels/        code that a GPU's driver has compiled for it
 *   state/          the embedded database, and what waits to be written to any database
 *   token.pepper    what the hashes of tokens hang on, where a gateway runs
 *   audit.json      the signed ends of the audit's chains, where a gateway runs
 *   home.json       the HAIF that wrote it
 *   machine.json    the machine that its keys belong to
 *   database.mark   there has been a database: an empty one in its place is an alarm
 *   tokens.mark     there have been tokens: a database without any is an alarm
 */
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import type { KeyPair } from 'hyperdht'
import { readSecret, readString, type Environment } from '#shared/process/config.ts'
import { HaifError } from '#shared/errors.ts'
import type { Authority } from '#shared/mesh/membership/authority.ts'
import { lockFile, type FileLock } from '#shared/process/file-lock.ts'
import { parseTlsAddresses, tlsAddressText } from '#shared/mesh/connection/tls/tls-address.ts'
import { TlsRelays } from '#shared/mesh/connection/tls/tls-relays.ts'
import { loadIdentity } from '#shared/mesh/identity.ts'
import { meshName } from '#shared/mesh/membership/credentials.ts'
import { decodeInvite, type Invite } from '#shared/mesh/membership/invite.ts'
import { assertKnownHome, noteVersion } from './home-version.ts'
import { Mark } from './mark.ts'
import { closeFolder, loadSecretFile, readIfThere } from '#shared/process/secret-file.ts'
import { diskTrouble } from '#shared/trouble/disk.ts'
import { wordsOf } from '#shared/trouble/trouble.ts'
import { MeshFolder } from './mesh-folder.ts'

/** Workers, say, that may run on one home at the same time. */
const PEERS_OF_A_ROLE_MAX = 64
const PEPPER_CHARACTERS_MIN = 32

/** A key of this home, and where it is. */
export interface OwnKey {
  file: string
  keyPair: KeyPair
}

export class Home {
  readonly folder: string
  readonly mesh: MeshFolder

  /** `HAIF_MESH_FOLDER`: where the root key and the address of the mesh are. */
  readonly #givenTlsRelays: string
  #tlsRelays: TlsRelays | null = null

  constructor(env: Environment) {
    this.#givenTlsRelays = readString(env, 'HAIF_TLS_RELAYS', '')
    this.folder = resolve(readString(env, 'HAIF_HOME', join(homedir(), '.haif')))
    const ownMesh = join(this.folder, 'mesh')
    this.mesh = new MeshFolder(resolve(readString(env, 'HAIF_MESH_FOLDER', ownMesh)), ownMesh)
    try {
      mkdirSync(join(this.folder, 'keys'), { recursive: true, mode: 0o700 })
      mkdirSync(ownMesh, { recursive: true, mode: 0o700 })
      accessSync(this.folder, constants.W_OK)
    } catch (error) {
      throw new HaifError(
        'CONFIG_INVALID',
        `${this.folder} cannot be used as HAIF_HOME, as ${whyNot(this.folder, error)}: set HAIF_HOME to a folder that you can write to`,
        { cause: error }
      )
    }
    closeFolder(this.folder)
    assertKnownHome(this.folder)
  }

  get models(): string {
    return join(this.folder, 'models')
  }

  get artifacts(): string {
    return join(this.folder, 'artifacts')
  }

  get digests(): string {
    return join(this.folder, 'digests.json')
  }

  get speeds(): string {
    return join(this.folder, 'speeds.json')
  }

  /** `key`: of the worker. */
  ordersOf(key: Uint8Array): string {
    return join(this.folder, 'workers', `${Buffer.from(key).toString('hex')}.json`)
  }

  get chatHistory(): string {
    return join(this.folder, 'chat-history')
  }

  get kernels(): string {
    return join(this.folder, 'kernels')
  }

  /** The folder of the embedded database, and of usage that waits for any database. */
  get state(): string {
    return join(this.folder, 'state')
  }

  /** The mesh that is run here: its root key is made at the first start. */
  makeAuthority(): Authority {
    this.#assertNotLost(this.mesh.rootFile, 'every machine that joined knows the mesh by it')
    return this.mesh.makeAuthority()
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

  #secret(name: string, why: string): Buffer {
    const file = join(this.folder, name)
    this.#assertNotLost(file, why)
    return loadSecretFile(file)
  }

  /** What is gone while things that hang on it are there is never made anew in silence. */
  #assertNotLost(file: string, why: string): void {
    const isUsed = this.databaseMark.isSet() || this.tokensMark.isSet()
    if (!isUsed || existsSync(file)) return
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

  /** The authority of the mesh with that name, if this machine has it. */
  authorityOf(mesh: Buffer): Authority | null {
    const { authority } = this.mesh
    return authority?.mesh.equals(mesh) === true ? authority : null
  }

  /**
   * The key of a peer that runs here. Two workers on one home are two peers, so each takes the
   * first key that no running process holds.
   */
  key(role: string): OwnKey {
    noteVersion(this.folder)
    for (let number = 1; number <= PEERS_OF_A_ROLE_MAX; number++) {
      const key = this.#take(this.keyFile(role, number))
      if (key !== null) return key
    }
    throw new HaifError('HOME_IN_USE', `${PEERS_OF_A_ROLE_MAX} peers run on ${this.folder} already`)
  }

  /** The first key for which that holds and that no running process holds; null: there is none. */
  keyWith(role: string, holds: (file: string) => boolean): OwnKey | null {
    for (const file of this.keyFiles(role)) {
      const key = holds(file) ? this.#take(file) : null
      if (key !== null) return key
    }
    return null
  }

  /** Those that there are, from the first. */
  keyFiles(role: string): string[] {
    const files: string[] = []
    for (let number = 1; number <= PEERS_OF_A_ROLE_MAX; number++) {
      const file = this.keyFile(role, number)
      if (!existsSync(file)) break
      files.push(file)
    }
    return files
  }

  /** `number`: from 1. */
  keyFile(role: string, number: number): string {
    return join(this.folder, 'keys', `${number === 1 ? role : `${role}-${number}`}.key`)
  }

  #take(file: string): OwnKey | null {
    const lock = lockFile(file.replace(/key$/, 'lock'))
    return lock === null ? null : { file, keyPair: loadIdentity(file) }
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
  operatorKeyFile(mesh: Buffer): string {
    return join(this.folder, 'keys', `operator-${meshName(mesh)}.token`)
  }

  /** Null when no gateway of the mesh has run here. */
  operatorKey(mesh: Buffer): string | null {
    return readIfThere(this.operatorKeyFile(mesh))
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

  /** Where a machine that joined before HAIF had invites kept the secret of its mesh. */
  get oldTopicKeyFile(): string {
    return join(this.folder, 'topic.key')
  }

  get bootstrapPort(): number {
    return Number(readIfThere(join(this.folder, 'bootstrap.port')) ?? 0)
  }

  set bootstrapPort(port: number) {
    this.#write('bootstrap.port', String(port))
  }

  /**
   * From the option, HAIF_TOPIC_KEY, or the file that HAIF_TOPIC_KEY_FILE names. Null: none is
   * given, and the mesh is the one that this machine last started or joined.
   */
  invite(option: string | undefined, env: Environment): Invite | null {
    const given = option ?? (readString(env, 'HAIF_TOPIC_KEY', '') || null)
    const file = readString(env, 'HAIF_TOPIC_KEY_FILE', '')
    const text = given ?? (file === '' ? null : readKeyFile(file))
    return text === null ? null : decodeInvite(text)
  }

  /**
   * Relays that listen for TLS: those of `HAIF_TLS_RELAYS`, else those that this machine was told
   * of when it joined or has met since.
   */
  get tlsRelays(): TlsRelays {
    const kept = () => readIfThere(join(this.folder, 'tls.relays')) ?? ''
    this.#tlsRelays ??= new TlsRelays(parseTlsAddresses(this.#givenTlsRelays || kept()), (all) => {
      try {
        this.#write('tls.relays', all.map(tlsAddressText).join(','))
      } catch {
        // They are met again as long as the network lets UDP through.
      }
    })
    return this.#tlsRelays
  }

  rememberTlsRelays(texts: readonly string[]): void {
    this.#write('tls.relays', texts.join(','))
    this.#tlsRelays = null
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
      `HAIF_TOPIC_KEY_FILE=${path} cannot be read (${(error as NodeJS.ErrnoException).code}): the registry writes it when it is up`,
      { cause: error }
    )
  }
}

/** What makes folders says of a disk that is read-only only that they are not there. */
function whyNot(folder: string, error: unknown): string {
  const existing = nearest(folder)
  let cause = error
  try {
    accessSync(existing, constants.W_OK)
    if (!statSync(existing).isDirectory()) return `${existing} is no folder`
  } catch (refused) {
    cause = refused
  }
  const { what } = diskTrouble(cause) ?? { what: 'cannot be written' }
  return `${existing} ${what} (${wordsOf(cause)})`
}

const nearest = (path: string): string => (existsSync(path) ? path : nearest(dirname(path)))
