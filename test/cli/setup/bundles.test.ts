import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'

const ROOT = join(import.meta.dirname, '../../..')
const SETUP = join(ROOT, 'cli/setup')
/** They have code for one kind of machine, look for files beside their own, or only build. */
const LOADED_AS_THEY_ARE = [
  '@electric-sql/pglite',
  'koffi',
  'node-llama-cpp',
  'rolldown',
  'typescript'
]

/** Of a value, from a package. */
const IMPORT = /^import (?!type )(?:[^']* from )?'([@a-z][^']*)'$/gm

const SCRIPT = `
  import Type from 'typebox'
  import { Compile } from 'typebox/compile'
  import { Settings } from 'typebox/system'
  import DHT from 'hyperdht'
  import createTestnet from 'hyperdht/testnet.js'
  import { pino, stdTimeFunctions } from 'pino'
  import http from 'node:http'
  const { nodes } = await createTestnet(1)
  await Promise.all(nodes.map((node) => node.destroy()))
  const check = Compile(Type.Array(Type.String()))
  Settings.Set({ maxErrors: 3 })
  const urls = ['typebox', 'typebox/system', 'fastify', 'pg'].map((name) => import.meta.resolve(name))
  const isOneDht = nodes[0] instanceof DHT
  const isHttp = http === process.getBuiltinModule('node:http')
  const named = typeof pino.stdTimeFunctions === 'object' && stdTimeFunctions === pino.stdTimeFunctions
  console.log(JSON.stringify({ urls, isOneDht, isHttp, named, errors: check.Errors([1, 2, 3, 4]).length }))
`

test('packages come from one bundle, and their parts know each other', () => {
  execFileSync(process.execPath, [join(SETUP, 'bundle-packages.mjs')])
  const args = ['--import', join(SETUP, 'use-bundles.mjs'), '--input-type=module', '-e', SCRIPT]
  const printed = execFileSync(process.execPath, args, { encoding: 'utf8', cwd: ROOT })
  const { urls, ...rest } = JSON.parse(printed) as { urls: string[] }
  for (const url of urls) assert.match(url, /\.cache\/haif\/packages-\w+\/[\w-]+\.mjs$/)
  assert.deepEqual(rest, { isOneDht: true, isHttp: true, named: true, errors: 3 })
})

test('everything that HAIF imports of packages is in the bundle, but for what has native code', () => {
  const files = globSync('{cli,services,shared}/**/*.{ts,mjs}', { cwd: ROOT })
  const imported = files.flatMap((file) =>
    [...readFileSync(join(ROOT, file), 'utf8').matchAll(IMPORT)].map(([, specifier]) => specifier!)
  )
  const recipe = readFileSync(join(SETUP, 'bundle-packages.mjs'), 'utf8')
  const missing = [...new Set(imported)].filter(
    (name) =>
      !name.startsWith('node:') &&
      !LOADED_AS_THEY_ARE.includes(name) &&
      !name.startsWith('typebox') &&
      !recipe.includes(`'${name}'`)
  )
  assert.ok(imported.length > 100)
  assert.deepEqual(missing, [])
})
