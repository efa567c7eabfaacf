/**
 * A home of before invites: the secret in every topic key was the whole mesh. It gets a root key
 * that nobody else has ever seen, and keeps everything else.
 */
import { createHash } from 'node:crypto'
import { existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { loadSecretFile } from '#shared/process/secret-file.ts'
import type { Home } from './home.ts'

const NAME_CHARACTERS = 8

/** True when there was something to do. A second run goes on where a first one was cut off. */
export function migrateHome(home: Home): boolean {
  const old = join(home.folder, 'mesh.secret')
  if (!existsSync(old)) return false
  const { mesh } = home.mesh.makeAuthority()
  const name = createHash('sha256').update(loadSecretFile(old)).digest('hex')
  const operatorKey = join(home.folder, 'keys', `operator-${name.slice(0, NAME_CHARACTERS)}.token`)
  if (existsSync(operatorKey)) renameSync(operatorKey, home.operatorKeyFile(mesh))
  rmSync(home.oldTopicKeyFile, { force: true })
  renameSync(old, `${old}.old`) // last, because it is what says that there is something to do
  return true
}
