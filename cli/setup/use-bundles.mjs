/**
 * Loads packages from the bundles of bundle-packages.mjs, where there are any. To be imported
 * before anything that imports them. Plain JavaScript, so that nothing is stripped of types.
 */
import { existsSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { typeboxBundle } from './typebox-bundle.mjs'

const { folder, entries } = typeboxBundle()
if (existsSync(folder)) {
  const urls = new Map(
    [...entries].map(([specifier, name]) => [specifier, new URL(`${name}.mjs`, folder).href])
  )
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const url = urls.get(specifier)
      return url === undefined
        ? nextResolve(specifier, context)
        : { url, format: 'module', shortCircuit: true }
    }
  })
}
