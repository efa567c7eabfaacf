#!/usr/bin/env node
/** The `haif` command: finds a Node that runs TypeScript as it is, and hands over to main.mjs. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('main.mjs', import.meta.url))
const own = fileURLToPath(
  new URL(
    `../node_modules/.bin/${process.platform === 'win32' ? 'node.cmd' : 'node'}`,
    import.meta.url
  )
)
const [major, minor] = process.versions.node.split('.').map(Number)

if (major > 24 || (major === 24 && minor >= 12)) {
  await import(main)
} else if (existsSync(own)) {
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
    'haif: not set up yet; run "npm start" in the folder of HAIF once, or install Node 24.12'
  )
  process.exit(1)
}
