/**
 * Installs what HAIF needs, when it is missing. Runs before `npm start` and `npm test` on whatever
 * Node there is (20 or newer), so it is plain JavaScript; everything else runs on the Node 24 that
 * comes with the dependencies.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { buildPage } from './build-page.mjs'
import { bundlePackages } from './bundle-packages.mjs'

const root = new URL('../../', import.meta.url)
const stamp = new URL('node_modules/.haif-installed', root)
const NODE_NEEDED = [24, 12]

const lockfile = readFileSync(new URL('package-lock.json', root))
const wanted = createHash('sha256').update(lockfile).update(process.platform).digest('hex')

if (!isInstalled()) install()
checkNode()
buildPage()
await bundlePackages()

function isInstalled() {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted
}

function install() {
  console.log('haif: installing dependencies (the first time takes a minute) …')
  // No package that HAIF uses needs an install script, so none may run. `install` and not `ci`,
  // which would first delete what is there; `--no-save` keeps the lockfile as it is.
  const options = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  const result = spawnSync('npm', ['install', ...options], {
    cwd: fileURLToPath(root),
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32'
  })
  if (result.status !== 0) {
    console.error(
      'haif: "npm install" failed; is the package registry in reach? Then run this again.'
    )
    process.exit(1)
  }
  writeFileSync(stamp, wanted)
  console.log('haif: dependencies are installed')
}

/**
 * npm puts node_modules/.bin first in the PATH of its scripts; there is the Node that came along.
 */
function checkNode() {
  const name = process.platform === 'win32' ? 'node.cmd' : 'node'
  const own = new URL(`node_modules/.bin/${name}`, root)
  const version = existsSync(own)
    ? spawnSync(fileURLToPath(own), ['--version'], {
        encoding: 'utf8',
        shell: process.platform === 'win32'
      }).stdout
    : process.version
  const [major, minor] = version.trim().slice(1).split('.').map(Number)
  if (major > NODE_NEEDED[0] || (major === NODE_NEEDED[0] && minor >= NODE_NEEDED[1])) return
  console.error(
    `haif: HAIF needs Node ${NODE_NEEDED.join('.')} or newer, and this is ${version.trim()}; ` +
      'install it from https://nodejs.org and run this again.'
  )
  process.exit(1)
}
