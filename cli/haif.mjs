#!/usr/bin/env node
/**
 * The `haif` command: finds a Node that is new enough, and hands over to main.mjs; in a package,
 * which has no source, to what is built of it.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const place = (path) => fileURLToPath(new URL(path, import.meta.url))
const isClone = existsSync(place('main.mjs'))
const main = place(isClone ? 'main.mjs' : '../dist/cli-main.mjs')
const [major, minor] = process.versions.node.split('.').map(Number)

if (isClone && !existsSync(place('../node_modules'))) setUp()
const own = nodeThatCame()
if (major > 24 || (major === 24 && minor >= 12)) {
  await import(pathToFileURL(main).href)
} else if (own !== null) {
  process.title = 'haif' // its arguments may hold a topic key, which other users would see
  // The channel tells the child when this process is gone, however it went.
  const stdio = ['inherit', 'inherit', 'inherit', 'ipc']
  const child = spawn(own, [main, ...process.argv.slice(2)], { stdio })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    // A terminal sends Ctrl-C to the child, too, and a second one would end it at once.
    const fromTerminal = signal === 'SIGINT' && process.stdin.isTTY
    process.on(signal, () => fromTerminal || child.kill(signal))
  }
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)))
} else {
  console.error(
    `haif: this is Node ${process.versions.node}, and the newer one that comes with HAIF is ` +
      'missing; install HAIF again without --omit=optional, or Node 24.12 from https://nodejs.org'
  )
  process.exit(1)
}

/** A clone is set up by the first command that is run in it. */
function setUp() {
  const { status } = spawnSync(process.execPath, [place('setup/setup.mjs')], {
    stdio: ['ignore', 2, 'inherit']
  })
  if (status !== 0) process.exit(1)
}

/** The Node among the packages; null where there is none for this machine. */
function nodeThatCame() {
  const isWindows = process.platform === 'win32'
  const name = `node-${isWindows ? 'win' : process.platform}-${process.arch}`
  try {
    const folder = dirname(createRequire(import.meta.url).resolve(`${name}/package.json`))
    const file = join(folder, 'bin', isWindows ? 'node.exe' : 'node')
    return existsSync(file) ? file : null
  } catch {
    return null // not installed
  }
}
