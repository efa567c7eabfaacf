/**
 * What people type to run this `haif`. A clone has no command of that name, and `npx haif` would
 * fetch whatever the registry has under it. A package has no source beside its program.
 */
import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import process from 'node:process'

const isClone = existsSync(join(import.meta.dirname, '../program.ts'))
const isLinked = basename(process.argv[1] ?? '') === 'haif'

export const OWN_COMMAND = isClone && !isLinked ? 'node cli/haif.mjs' : 'haif'
