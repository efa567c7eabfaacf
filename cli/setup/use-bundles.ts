/** Loads packages from the bundles of bundle-packages.mjs, where there are any. */
import { existsSync, readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'

const MODULES = new URL('../../node_modules/', import.meta.url)

/** To be called before anything imports them. */
export function useBundles(): void {
  const manifest = readFileSync(new URL('typebox/package.json', MODULES), 'utf8')
  const { version } = JSON.parse(manifest) as { version: string }
  const bundle = new URL(`.cache/haif/typebox-${version}/`, MODULES)
  if (!existsSync(bundle)) return
  const files = new Map(
    [
      ['typebox', 'index.mjs'],
      ['typebox/compile', 'compile.mjs'],
      ['typebox/error', 'error.mjs']
    ].map(([specifier, file]) => [specifier, new URL(file!, bundle).href])
  )
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const url = files.get(specifier)
      return url === undefined
        ? nextResolve(specifier, context)
        : { url, format: 'module', shortCircuit: true }
    }
  })
}
