/** The file of the model that a chaos run computes with: small, and known to give the same text. */
import { copyFileSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const BUILTIN = fileURLToPath(
  new URL('../../../services/worker/models/haif-tiny-Q8_0.gguf', import.meta.url)
)
/** Its name at the hub. */
export const HUB_FILE = 'tiny-Q8_0.gguf'

export const builtinBytes = (): Buffer => readFileSync(BUILTIN)
export const copyBuiltin = (file: string): void => copyFileSync(BUILTIN, file)
