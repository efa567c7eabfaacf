/**
 * The `haif` command. Its modules are imported after the compile cache is on, which keeps their
 * code without types, compiled, for the next start: that halves the time of a start. Where the
 * folder cannot be written, as in a read-only installation, Node goes on without a cache.
 */
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'
import process from 'node:process'

// Processes that this one starts, as for a model, read it from the environment.
process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, '../node_modules/.cache/haif')
enableCompileCache(process.env['NODE_COMPILE_CACHE'])
await import('./program.ts')
