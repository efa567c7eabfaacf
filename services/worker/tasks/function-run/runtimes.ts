/** The Pythons and the Node.js of this machine. */
import { execFile } from 'node:child_process'
import { accessSync, constants, realpathSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import type { FunctionBundle, RuntimeName } from '#shared/contracts/functions/bundle.ts'
import { HaifError } from '#shared/errors.ts'
import { readIfThere } from '#shared/process/secret-file.ts'

const run = promisify(execFile)

export interface Runtime {
  name: RuntimeName
  /** `3.11` */
  version: string
  /** The program. */
  path: string
  /** Folders and files that it needs beside those of the system. */
  needs: readonly string[]
}

const FOLDERS = ['/usr/bin', '/usr/local/bin', '/opt/homebrew/bin']
const MINORS = [14, 13, 12, 11, 10]
const PYTHON_OLDEST = [3, 10] as const
const ASK_MS_MAX = 10_000
const ASK = 'import sys; print("%d.%d" % sys.version_info[:2]); print(sys.base_prefix)'

/** Where `haif env add` writes them, one a line. */
export const pythonsFile = (home: string): string => join(home, 'functions', 'pythons')

export function namedPythons(home: string): string[] {
  const text = readIfThere(pythonsFile(home)) ?? ''
  return text.split('\n').filter((line) => line !== '')
}

/** `added`: programs that the owner has named; they come first. */
export async function findRuntimes(added: readonly string[]): Promise<Runtime[]> {
  const paths = [...added, ...FOLDERS.flatMap((folder) => pythonsIn(folder))]
  const found: Runtime[] = []
  for (const path of new Set(paths.map(realPath).filter((each) => each !== null))) {
    const python = await lookAtPython(path).catch(() => null) // one that does not run is none
    if (python !== null) found.push(python)
  }
  return [...found, ownNode()]
}

const pythonsIn = (folder: string): string[] => [
  ...MINORS.map((minor) => `${folder}/python3.${minor}`),
  `${folder}/python3`
]

/** The links of a program's name lead to it; the program itself may look for its library there. */
function realPath(path: string): string | null {
  try {
    accessSync(path, constants.X_OK)
    return realpathSync(path)
  } catch {
    return null
  }
}

/** In the folders of a PATH; null: it is in none of them. */
export function findProgram(name: string, path = ''): string | null {
  for (const folder of path.split(delimiter)) {
    const found = folder === '' ? null : realPath(join(folder, name))
    if (found !== null) return found
  }
  return null
}

export async function lookAtPython(path: string): Promise<Runtime | null> {
  const { stdout } = await run(path, ['-I', '-c', ASK], { timeout: ASK_MS_MAX })
  const [version = '', prefix = ''] = stdout.trim().split('\n')
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major !== PYTHON_OLDEST[0] || minor < PYTHON_OLDEST[1]) return null
  const isOfSystem = path.startsWith('/usr/') && prefix.startsWith('/usr')
  return { name: 'python', version, path, needs: isOfSystem ? [] : [prefix] }
}

/** The one that runs this worker: it takes TypeScript as it is. */
function ownNode(): Runtime {
  const path = realpathSync(process.execPath)
  const [major, minor] = process.versions.node.split('.')
  const needs = path.startsWith('/usr/') ? [] : [dirname(path)]
  return { name: 'node', version: `${major}.${minor}`, path, needs }
}

/** The first that is new enough; throws SANDBOX_UNAVAILABLE, as another worker may have one. */
export function runtimeFor(
  runtimes: readonly Runtime[],
  { runtime, version }: Pick<FunctionBundle, 'runtime' | 'version'>
): Runtime {
  const fitting = runtimes.find(
    (each) => each.name === runtime && (version === undefined || isSince(each.version, version))
  )
  if (fitting !== undefined) return fitting
  const there = runtimes.filter(({ name }) => name === runtime).map((each) => each.version)
  throw new HaifError(
    'SANDBOX_UNAVAILABLE',
    `the function needs ${runtime} ${version ?? ''}, and this worker has ` +
      `${there.join(', ') || 'none'}: name one to it with "haif env add"`
  )
}

/** `3.10` takes 3.10 to 3.99; `3` takes any 3. */
function isSince(version: string, wanted: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split('.').map(Number)
  return major === wantedMajor && minor >= wantedMinor
}
