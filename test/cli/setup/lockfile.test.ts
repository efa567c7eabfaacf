/** `npm ci` by hand, on every platform. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

interface Locked {
  version: string
  optionalDependencies?: Record<string, string>
}

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
  packages: Record<string, Locked>
}

// npm leaves out what its registry lacks when it writes the file, and `npm ci` then refuses it.
test('the lockfile has the binaries of every platform, in the version that is asked for', () => {
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) => !(`${path}/node_modules/${name}` in packages || `node_modules/${name}` in packages)
    )
  )
  assert.deepEqual(missing, [])
  const binaries = Object.entries(packages).filter(([path]) => path.includes('@node-llama-cpp/'))
  const { version } = packages['node_modules/node-llama-cpp']!
  assert.deepEqual(new Set(binaries.map(([, locked]) => locked.version)), new Set([version]))
})
