/** What is installed for a function, whichever machine does it. Pure. */
import { hash } from 'node:crypto'
import type { FunctionBundle } from '#shared/contracts/functions/bundle.ts'
import { fileBytes } from './open-bundle.ts'

const KEY_CHARACTERS = 32

/** Files that say what is installed, or are it. */
export const isOfPackages = (path: string): boolean =>
  path.startsWith('wheels/') || /^package(-lock)?\.json$/.test(path)

/** Null: it needs no packages. The same pins and wheels are the same packages. */
export function packagesKey({
  runtime,
  dependencies = [],
  files
}: Pick<FunctionBundle, 'runtime' | 'dependencies' | 'files'>): string | null {
  if (dependencies.length === 0) return null
  const given = Object.entries(files)
    .filter(([path]) => isOfPackages(path))
    .map(([path, body]) => `${path} ${hash('sha256', fileBytes(body))}`)
    .toSorted()
  const said = JSON.stringify([runtime, dependencies.toSorted(), given])
  return hash('sha256', said).slice(0, KEY_CHARACTERS)
}
