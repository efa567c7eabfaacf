/**
 * Builds the pages of `web/`, each when its sources are newer than its build: `npm run build:page`,
 * and before `npm start` and `npm test`. Plain JavaScript, as setup.mjs is.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = new URL('../../', import.meta.url)
const PAGES = { chat: 'the chat page', console: 'the console', docs: 'the page of the API' }
const vite = new URL('node_modules/vite/bin/vite.js', root)

/** False when one could not be built; the reason is on stderr. */
export const buildPages = () => Object.keys(PAGES).every((name) => buildPage(name))

function buildPage(name) {
  const page = new URL(`web/${name}/`, root)
  const stamp = new URL('dist/.sources', page) // inside of the build, so that they go together
  const sources = digestOfSources(page)
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === sources) return true
  if (!existsSync(vite)) return false // installed without what is only needed to build
  const result = spawnSync(
    ownNode(),
    [fileURLToPath(vite), 'build', fileURLToPath(page), '--logLevel', 'error'],
    { cwd: fileURLToPath(root), encoding: 'utf8' }
  )
  if (result.status === 0) writeFileSync(stamp, sources)
  else console.error(`haif: ${PAGES[name]} could not be built; all else works\n${result.stderr}`)
  return result.status === 0
}

function digestOfSources(page) {
  const hash = createHash('sha256').update(readFileSync(new URL('package-lock.json', root)))
  const folders = [
    new URL('src/', page),
    ...['web/ui/', 'shared/kit/'].map((name) => new URL(name, root))
  ]
  const files = [
    new URL('index.html', page),
    new URL('vite.config.ts', page),
    new URL('web/page-config.ts', root)
  ]
  for (const file of [...folders.flatMap(filesIn), ...files]) {
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

if (process.argv[1] === fileURLToPath(import.meta.url) && !buildPages()) process.exitCode = 1
