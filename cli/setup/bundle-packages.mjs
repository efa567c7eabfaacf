/**
 * Bundles the packages of HAIF before `npm start` and `npm test`: finding and linking their 1,300
 * small files takes longer than all else that a start does. use-bundles.mjs loads the result. It is
 * one bundle, whose parts share what they have in common, so that no package is ever there twice.
 * Plain JavaScript, as setup.mjs is.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { nativeCode } from './native-code.mjs'
import { modules, packageBundle } from './package-bundle.mjs'

/** All that HAIF and its tests import of them; typebox with everything that it exports. */
const SPECIFIERS = [
  '@fastify/static',
  '@fastify/swagger',
  '@hyperswarm/rpc',
  '@hyperswarm/secret-stream',
  '@opentelemetry/api',
  '@opentelemetry/exporter-prometheus',
  '@opentelemetry/exporter-trace-otlp-http',
  '@opentelemetry/resources',
  '@opentelemetry/sdk-metrics',
  '@opentelemetry/sdk-trace',
  'b4a',
  'blind-relay',
  'canonicalize',
  'commander',
  'compact-encoding',
  'fastify',
  'hyperdht',
  'hyperdht/lib/holepuncher.js',
  'hyperdht/testnet.js',
  'ioredis',
  'pg',
  'pino',
  'protomux',
  'protomux-rpc',
  's3mini',
  'sodium-universal',
  'uqr',
  'ws',
  'yaml',
  'z32'
]
async function bundlePackages() {
  const folder = packageBundle()
  if (existsSync(folder)) return
  const bundle = fileURLToPath(folder)
  const making = `${bundle.slice(0, -1)}.${process.pid}`
  mkdirSync(making, { recursive: true })
  try {
    await writeBundle(making)
  } catch (error) {
    console.error('haif: packages could not be bundled; all works, but starts slower\n', error)
    // An empty bundle, so that not every start tries it again.
    writeTable(making, [])
  }
  try {
    renameSync(making, bundle) // whole or not at all, also when two set up at once
  } catch (error) {
    rmSync(making, { recursive: true, force: true })
    if (!existsSync(bundle)) throw error
  }
}

async function writeBundle(dir) {
  const { rolldown } = await import('rolldown')
  const entries = new Map(
    [...SPECIFIERS, ...partsOf('typebox')].map((name) => [nameOf(name), name])
  )
  const sources = new Map()
  for (const [name, specifier] of entries) sources.set(name, await entrySource(specifier))
  const bundler = await rolldown({
    cwd: fileURLToPath(new URL('..', modules)),
    input: Object.fromEntries([...entries.keys()].map((name) => [name, `${ENTRY}${name}`])),
    platform: 'node',
    logLevel: 'silent',
    plugins: [entriesFrom(sources), nativeCode()]
  })
  await bundler.write({ dir, entryFileNames: '[name].mjs', chunkFileNames: 'shared/[name].mjs' })
  await bundler.close()
  writeTable(
    dir,
    [...entries].map(([name, specifier]) => [specifier, `${name}.mjs`])
  )
}

const writeTable = (dir, files) =>
  writeFileSync(`${dir}/entries.json`, JSON.stringify(Object.fromEntries(files)))

const partsOf = (name) =>
  Object.keys(
    JSON.parse(readFileSync(new URL(`${name}/package.json`, modules), 'utf8')).exports
  ).map((path) => name + path.slice(1))

const nameOf = (specifier) => specifier.replaceAll(/[@./]+/g, '-').replace(/^-/, '')

const ENTRY = 'haif-entry:'

/** What an entry exports is what Node finds there, which for CommonJS only Node can say. */
async function entrySource(specifier) {
  const url = import.meta.resolve(specifier)
  const names = Object.keys(await import(url))
  const from = JSON.stringify(fileURLToPath(url))
  if (!names.includes('module.exports')) {
    const all = `export * from ${from}\n`
    return names.includes('default') ? `${all}export { default } from ${from}\n` : all
  }
  const named = names.filter((name) => name !== 'default' && name !== 'module.exports')
  const list = named.map((name, i) => `const v${i} = all[${JSON.stringify(name)}]\n`).join('')
  const exported = named.map((name, i) => `v${i} as ${JSON.stringify(name)}`).join(', ')
  return `const all = require(${from})\nexport default all\n${list}export { ${exported} }\n`
}

const entriesFrom = (sources) => ({
  name: 'entries',
  resolveId: (id) => (id.startsWith(ENTRY) ? id : null),
  load: (id) => (id.startsWith(ENTRY) ? sources.get(id.slice(ENTRY.length)) : null)
})

await bundlePackages()
