/**
 * Where the bundle of typebox is, and what is in it: all that the package exports, so that no part
 * is ever there twice. Plain JavaScript, as setup.mjs is.
 */
import { readFileSync } from 'node:fs'

export const modules = new URL('../../node_modules/', import.meta.url)
const manifest = JSON.parse(readFileSync(new URL('typebox/package.json', modules), 'utf8'))

export const folder = new URL(`.cache/haif/typebox-${manifest.version}/`, modules)
/** By the name that is imported, such as `typebox/compile`: the name of its file. */
export const entries = new Map(
  Object.keys(manifest.exports).map((path) =>
    path === '.' ? ['typebox', 'index'] : [`typebox${path.slice(1)}`, path.slice(2)]
  )
)
