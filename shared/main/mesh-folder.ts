/**
 * What a machine keeps of its mesh:
 *
 *   root.key        the seed of the root key, on the machines that run the mesh
 *   mesh.json       where the mesh is found that this machine last started or joined
 *   <mesh>.revoked  the signed list of revoked peers
 *   <mesh>.peers    the peers met last, found without a lookup
 *
 * Services of one deployment may share the folder, which is then read only to all but one of them.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Type } from 'typebox'
import { Compile } from '#shared/validator.ts'
import { HaifError } from '#shared/errors.ts'
import type { Logger } from '#shared/process/log.ts'
import { REACHES, type MeshAddress } from '#shared/mesh/discovery/mesh-address.ts'
import { Acquaintances } from '#shared/mesh/membership/acquaintances.ts'
import { rootAuthority, type Authority } from '#shared/mesh/membership/authority.ts'
import {
  meshName,
  readRevocationFile,
  writeRevocationFile,
  writeWhole
} from '#shared/mesh/membership/credentials.ts'
import type { RevocationList } from '#shared/mesh/membership/revocation.ts'
import { loadSecretFile, readIfThere } from '#shared/process/secret-file.ts'

const addressFile = Compile(
  Type.Object({
    mesh: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    reach: Type.Enum(REACHES),
    bootstrap: Type.Array(
      Type.Object({
        host: Type.String({ minLength: 1, maxLength: 255 }),
        port: Type.Integer({ minimum: 1, maximum: 65_535 })
      }),
      { maxItems: 64 }
    )
  })
)

/** A start is quick to meet several. */
const WRITE_AFTER_MS = 500

export class MeshFolder {
  /** Root key and address. */
  readonly #folder: string
  /** The lists of revoked peers, which every process keeps for itself. */
  readonly #ownFolder: string

  constructor(folder: string, ownFolder: string) {
    this.#folder = folder
    this.#ownFolder = ownFolder
  }

  /** Null on a machine that does not run the mesh. */
  get authority(): Authority | null {
    return existsSync(this.rootFile) ? this.makeAuthority() : null
  }

  /** Makes the mesh the first time. */
  makeAuthority(): Authority {
    return rootAuthority(loadSecretFile(this.rootFile))
  }

  /** Null when this machine knows no mesh. */
  get address(): MeshAddress | null {
    const file = join(this.#folder, 'mesh.json')
    if (!existsSync(file)) return null
    const value = parse(file)
    if (!addressFile.Check(value)) throw damaged(file)
    const { mesh, reach, bootstrap } = value
    return { mesh: Buffer.from(mesh, 'hex'), reach, bootstrap }
  }

  remember({ mesh, reach, bootstrap }: MeshAddress): void {
    const text = JSON.stringify({ mesh: mesh.toString('hex'), reach, bootstrap })
    writeWhole(join(this.#folder, 'mesh.json'), text)
  }

  revocations(mesh: Buffer): RevocationList | null {
    return readRevocationFile(this.#revokedFile(mesh), mesh)
  }

  keepRevocations(mesh: Buffer, list: RevocationList, log: Logger): void {
    const file = this.#revokedFile(mesh)
    try {
      writeRevocationFile(file, list)
    } catch (error) {
      log.warn({ err: error, file }, 'cannot keep the list of revoked peers')
    }
  }

  /** Those of the last run, and kept for the next; without the file they are looked up again. */
  acquaintances(mesh: Buffer): Acquaintances {
    const file = join(this.#ownFolder, `${meshName(mesh)}.peers`)
    const acquaintances = new Acquaintances()
    acquaintances.addText(readIfThere(file) ?? '')
    let timer: NodeJS.Timeout | null = null
    acquaintances.on('met', () => {
      timer ??= setTimeout(() => {
        timer = null
        try {
          writeWhole(file, acquaintances.toText())
        } catch {
          // The next start looks them up, as the first one did.
        }
      }, WRITE_AFTER_MS).unref()
    })
    return acquaintances
  }

  /** The seed of the root key: whoever has it signs certificates of the mesh. */
  get rootFile(): string {
    return join(this.#folder, 'root.key')
  }

  #revokedFile(mesh: Buffer): string {
    return join(this.#ownFolder, `${meshName(mesh)}.revoked`)
  }
}

function parse(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw damaged(file, error)
  }
}

function damaged(file: string, cause?: unknown): HaifError {
  return new HaifError(
    'CONFIG_INVALID',
    `${file} is damaged: keep a copy of it and move it away, then start or join the mesh again`,
    { cause }
  )
}
