/**
 * Installs what HAIF needs, when it is missing. Runs before `npm start` and `npm test` on whatever
 * Node there is (20 or newer), so it is plain JavaScript; everything else runs on the Node 24 that
 * comes with the dependencies.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { buildPages } from './build-page.mjs'
import { ensureBundle } from './package-bundle.mjs'

const root = new URL('../../', import.meta.url)
const stamp = new URL('node_modules/.haif-installed', root)
const NODE_NEEDED = [24, 12]

const lockfile = readFileSync(new URL('package-lock.json', root))
const wanted = createHash('sha256').update(lockfile).update(process.platform).digest('hex')

if (!isInstalled()) install()
checkNode()
buildPages()
ensureBundle((args) => runOwnNode(args, 'inherit'))

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

function checkNode() {
  const version = runOwnNode(['--version'], 'pipe').stdout.trim()
  const [major, minor] = version.slice(1).split('.').map(Number)
  if (major > NODE_NEEDED[0] || (major === NODE_NEEDED[0] && minor >= NODE_NEEDED[1])) return
  console.error(
    `haif: HAIF needs Node ${NODE_NEEDED.join('.')} or newer, and this is ${version}; ` +
      'install it from https://nodejs.org and run this again.'
  )
  process.exit(1)
}

/** npm puts node_modules/.bin first in the PATH of its scripts, and so the Node that came along. */
function runOwnNode(args, stdio) {
  const isWindows = process.platform === 'win32'
  const own = new URL(`node_modules/.bin/${isWindows ? 'node.cmd' : 'node'}`, root)
  const command = existsSync(own) ? fileURLToPath(own) : process.execPath
  return spawnSync(command, args, { encoding: 'utf8', stdio, shell: isWindows })
}
