/**
 * Where the bundle of typebox is, and what is in it: all that the package exports, so that no part
 * is ever there twice. Plain JavaScript, as setup.mjs is.
 */
import { readFileSync } from 'node:fs'

export const modules = new URL('../../node_modules/', import.meta.url)

/** Its folder; and its entries, by the name that is imported: `typebox/compile` is in `compile`. */
export function typeboxBundle() {
  const manifest = JSON.parse(readFileSync(new URL('typebox/package.json', modules), 'utf8'))
  const entries = new Map(
    Object.keys(manifest.exports).map((path) =>
      path === '.' ? ['typebox', 'index'] : [`typebox${path.slice(1)}`, path.slice(2)]
    )
  )
  return { folder: new URL(`.cache/haif/typebox-${manifest.version}/`, modules), entries }
}
