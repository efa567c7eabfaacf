/**
 * Builds the chat page when its sources are newer than the build: `npm run build:page`, and before
 * `npm start` and `npm test`. Plain JavaScript, as setup.mjs is.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = new URL('../../', import.meta.url)
const page = new URL('web/chat/', root)
/** Inside of the build, so that they go together. */
const stamp = new URL('dist/.sources', page)
const vite = new URL('node_modules/vite/bin/vite.js', root)

/** False when it could not be built; the reason is on stderr. */
export function buildPage() {
  const sources = digestOfSources()
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === sources) return true
  if (!existsSync(vite)) return false // installed without what is only needed to build
  const result = spawnSync(
    ownNode(),
    [fileURLToPath(vite), 'build', fileURLToPath(page), '--logLevel', 'error'],
    { cwd: fileURLToPath(root), encoding: 'utf8' }
  )
  if (result.status === 0) writeFileSync(stamp, sources)
  else console.error(`haif: the chat page could not be built; all else works\n${result.stderr}`)
  return result.status === 0
}

function digestOfSources() {
  const hash = createHash('sha256').update(readFileSync(new URL('package-lock.json', root)))
  const folders = ['web/chat/src/', 'web/chat/public/', 'web/ui/', 'shared/kit/']
  const files = ['web/chat/index.html', 'web/chat/vite.config.ts'].map(
    (name) => new URL(name, root)
  )
  for (const file of [...folders.flatMap((name) => filesIn(new URL(name, root))), ...files]) {
    hash.update(file.pathname.slice(root.pathname.length)).update(readFileSync(file))
  }
  return hash.digest('hex')
}

function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, path, name }) => pathToFileURL(join(parentPath ?? path, name)))
    .toSorted((a, b) => (a.pathname < b.pathname ? -1 : 1))
}

function ownNode() {
  const windows = process.platform === 'win32'
  const own = new URL(`node_modules/.bin/node${windows ? '.cmd' : ''}`, root)
  return existsSync(own) && !windows ? fileURLToPath(own) : process.execPath
}

if (process.argv[1] === fileURLToPath(import.meta.url) && !buildPage()) process.exitCode = 1
