/**
 * Loads packages from the bundle of bundle-packages.mjs, where there is one, and HAIF's own files
 * without looking them up. To be imported before anything that imports them. Plain JavaScript, so
 * that nothing is stripped of types.
 */
import { registerHooks } from 'node:module'
import { bundledFiles, cache, ensureBundle } from './package-bundle.mjs'

const root = new URL('../../', import.meta.url).href
const foreign = `${root}node_modules/`
const http = new URL('node-http.mjs', import.meta.url).href
ensureBundle()
const files = bundledFiles()

/** Packages that are not in the bundle have others beside them, in versions of their own. */
const isOurs = (file) =>
  file.startsWith(root) && (!file.startsWith(foreign) || file.startsWith(cache.href))

registerHooks({
  resolve(specifier, context, nextResolve) {
    const { parentURL = '', conditions } = context
    if (!isOurs(parentURL)) return nextResolve(specifier, context)
    const isHttp = /^(node:)?http$/.test(specifier) && !conditions.includes('require')
    const url = isHttp ? http : files.get(specifier)
    if (url !== undefined) return { url, format: 'module', shortCircuit: true }
    const own = ownFile(specifier, parentURL)
    if (own === null) return nextResolve(specifier, context)
    return { url: own, format: 'module-typescript', shortCircuit: true }
  }
})

/** Each import of HAIF's own code names its file: there is nothing to look up on the disk. */
function ownFile(specifier, parent) {
  if (!specifier.endsWith('.ts')) return null
  if (specifier.startsWith('#shared/')) return root + specifier.slice(1)
  return specifier.startsWith('.') ? new URL(specifier, parent).href : null
}
