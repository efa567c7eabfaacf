/**
 * The `haif` command. Its modules are imported after the bundles and the compile cache are on; the
 * cache keeps their code without types, compiled, for the next start. Together they cut a start to
 * a third. This file is plain JavaScript, so that nothing has to be stripped of types before. Where
 * the folder cannot be written, as in a read-only installation, Node does without.
 */
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'
import process from 'node:process'

// Processes that this one starts, as for a model, read it from the environment.
process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, '../node_modules/.cache/haif')
enableCompileCache(process.env['NODE_COMPILE_CACHE'])
await import('./setup/use-bundles.mjs')
await import('./program.ts')
