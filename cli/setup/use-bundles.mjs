/**
 * Loads packages from the bundles of bundle-packages.mjs, where there are any. To be imported
 * before anything that imports them. Plain JavaScript, so that nothing is stripped of types.
 */
import { existsSync, readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'

const modules = new URL('../../node_modules/', import.meta.url)
const { version } = JSON.parse(readFileSync(new URL('typebox/package.json', modules), 'utf8'))
const bundle = new URL(`.cache/haif/typebox-${version}/`, modules)
const files = new Map([
  ['typebox', new URL('index.mjs', bundle).href],
  ['typebox/compile', new URL('compile.mjs', bundle).href],
  ['typebox/error', new URL('error.mjs', bundle).href]
])

if (existsSync(bundle)) {
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const url = files.get(specifier)
      return url === undefined
        ? nextResolve(specifier, context)
        : { url, format: 'module', shortCircuit: true }
    }
  })
}
