/**
 * The root of a mesh that a test makes: who has it certifies peers. Processes of their own get it
 * as the folder that those who run a mesh share.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import type { Address, Reach } from '#shared/mesh/discovery/mesh-address.ts'
import { MeshFolder } from '#shared/main/mesh-folder.ts'

export interface MeshRoot {
  /** The seed of the root key. */
  secret: Buffer
  reach: Reach
  bootstrap: Address[]
}

/** As one argument of a command. */
export function encodeRoot({ secret, ...address }: MeshRoot): string {
  return JSON.stringify({ secret: secret.toString('hex'), ...address })
}

export function decodeRoot(text: string): MeshRoot {
  const { secret, ...address } = JSON.parse(text) as Omit<MeshRoot, 'secret'> & { secret: string }
  return { secret: Buffer.from(secret, 'hex'), ...address }
}

/** What makes a process run that mesh; the folder is removed with this process. */
export function rootEnv({ secret, reach, bootstrap }: MeshRoot): { HAIF_MESH_FOLDER: string } {
  const folder = mkdtempSync(join(tmpdir(), 'haif-mesh-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'root.key'), `${secret.toString('hex')}\n`, { mode: 0o600 })
  const files = new MeshFolder(folder, folder)
  files.remember({ mesh: files.makeAuthority().mesh, reach, bootstrap })
  return { HAIF_MESH_FOLDER: folder }
}
