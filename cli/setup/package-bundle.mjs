/**
 * Where the bundle of packages is, and whether it is that of the packages that are installed. Plain
 * JavaScript, as setup.mjs is.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { isMainThread } from 'node:worker_threads'

export const modules = new URL('../../node_modules/', import.meta.url)
export const cache = new URL('.cache/haif/', modules)

/** npm writes it at each install. */
const INSTALLED = new URL('.package-lock.json', modules)
const RECIPE = new URL('bundle-packages.mjs', import.meta.url)

/** Its folder is named by what it was made from, so that nothing stale is ever loaded. */
export function packageBundle() {
  const made = [INSTALLED, RECIPE].map((file) => {
    const { mtimeMs = 0, size = 0 } = statSync(file, { throwIfNoEntry: false }) ?? {}
    return `${mtimeMs} ${size}`
  })
  const name = createHash('sha256').update(made.join()).digest('hex').slice(0, 16)
  return new URL(`packages-${name}/`, cache)
}

/** The file of each name that is imported, as `typebox/compile`. */
export function bundledFiles() {
  const folder = packageBundle()
  const table = new URL('entries.json', folder)
  if (!existsSync(table)) return new Map()
  const entries = Object.entries(JSON.parse(readFileSync(table, 'utf8')))
  return new Map(entries.map(([specifier, file]) => [specifier, new URL(file, folder).href]))
}

/**
 * Makes the bundle when there is none of what is installed now. Without a bundler, as in an image,
 * packages are loaded as they are. In a process of its own, on the Node that will load it, because
 * only Node can say what a package in CommonJS exports.
 */
export function ensureBundle(runNode = (args) => spawnSync(process.execPath, args)) {
  if (!isMainThread || existsSync(packageBundle())) return
  if (existsSync(new URL('rolldown/package.json', modules))) runNode([fileURLToPath(RECIPE)])
}
