/** The key by which this machine publishes, and bundles made of source. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import canonicalize from 'canonicalize'
import type { BundleSeal, Signature } from '#shared/contracts/functions/bundle.ts'
import { HaifError } from '#shared/errors.ts'
import { sealBundle } from '#shared/functions/open-bundle.ts'
import { loadIdentity } from '#shared/mesh/identity.ts'

const run = promisify(execFile)
const PACKAGE = fileURLToPath(new URL('../../python', import.meta.url))
const BUNDLE_MS_MAX = 30_000
const LAST_WORDS = 1000
const OUTPUT_BYTES_MAX = 64 << 20

/** Reads what a module describes, in a process of its own. */
const READER = fileURLToPath(new URL('read-descriptors.mjs', import.meta.url))
const IMPORT = /^\s*(?:import|export)\s(?!type\s)[^'"]*['"](\.[^'"]*)['"]/m

interface NamedBundle {
  name: string
  bundle: string
}

/** The Python package of HAIF uses the same file. */
export const sealWith = (home: string, text: string): BundleSeal =>
  sealBundle(text, loadIdentity(join(home, 'keys', 'publisher.key')))

/** The functions of a Python file, or a bundle that was written by somebody else, as JSON. */
export async function bundlesIn(file: string, names: readonly string[]): Promise<NamedBundle[]> {
  if (file.endsWith('.json')) {
    const [name] = names
    if (name !== undefined) return [{ name, bundle: readFileSync(file, 'utf8') }]
    throw new HaifError('VALIDATION_FAILED', `name what ${file} is to be called: --function NAME`)
  }
  if (/\.(ts|mts|js|mjs)$/.test(file)) return describedIn(file, names)
  if (!file.endsWith('.py')) {
    const kinds = 'no Python, TypeScript or JavaScript, and no bundle (.json)'
    throw new HaifError('VALIDATION_FAILED', `${file} is ${kinds}`)
  }
  const { stdout } = await run('python3', ['-m', 'haif', 'bundle', file, ...names], {
    env: { ...process.env, PYTHONPATH: PACKAGE, PYTHONDONTWRITEBYTECODE: '1' },
    timeout: BUNDLE_MS_MAX,
    maxBuffer: OUTPUT_BYTES_MAX
  }).catch((cause: Error & { code?: unknown; stderr?: string }) => {
    const why =
      cause.code === 'ENOENT' ? 'python3 is needed to read it' : (cause.stderr ?? '').trim()
    throw new HaifError('VALIDATION_FAILED', `${file} cannot be published: ${why}`, { cause })
  })
  const lines = stdout.split('\n').filter((line) => line !== '')
  if (lines.length > 0) return lines.map((line) => JSON.parse(line) as NamedBundle)
  throw new HaifError('VALIDATION_FAILED', `${file} has no function to publish`)
}

interface Described {
  name: string
  signature: Signature
  description?: string
  version?: string
  secrets?: string[]
}

/** The functions that a module describes; the file is all of their source. */
async function describedIn(file: string, names: readonly string[]): Promise<NamedBundle[]> {
  const source = readFileSync(file, 'utf8')
  const other = IMPORT.exec(source)?.[1]
  if (other !== undefined) {
    const message = `${file} imports ${other}: a function has one file, and packages`
    throw new HaifError('VALIDATION_FAILED', message)
  }
  const { stdout } = await run(process.execPath, [READER, file], { timeout: BUNDLE_MS_MAX }).catch(
    (cause: Error & { stderr?: string }) => {
      const why = (cause.stderr ?? '').trim().slice(-LAST_WORDS)
      throw new HaifError('VALIDATION_FAILED', `${file} cannot be published: ${why}`, { cause })
    }
  )
  const lines = stdout.split('\n').filter((line) => line !== '')
  const all = lines.map((line) => JSON.parse(line) as Described)
  const found = names.length === 0 ? all : all.filter(({ name }) => names.includes(name))
  if (found.length === 0) {
    throw new HaifError('VALIDATION_FAILED', `${file} exports no function with inputs and run`)
  }
  const module = `main${extname(file)}`
  return found.map(({ name, ...described }) => {
    const kind = { haif: 1, kind: 'function', runtime: 'node', module, entry: name }
    const bundle = { ...kind, ...described, files: { [module]: source } }
    return { name, bundle: canonicalize(bundle)! }
  })
}
