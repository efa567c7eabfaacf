/**
 * The operator key: a token that a gateway makes at its first start and leaves in a file that only
 * its owner can read. To know the mesh secret is not enough to rule tokens, as every worker knows
 * it; to read the files of the gateway's machine is.
 */
import { HaifError } from '#shared/errors.ts'
import { createOnce, readIfThere, tightenSecretFile } from '#shared/process/secret-file.ts'
import { mintToken, parseToken, type TokenText } from './token-text.ts'

export function loadOperatorKey(file: string): TokenText {
  const text = readIfThere(file) ?? make(file)
  tightenSecretFile(file)
  const key = parseToken(text)
  if (key !== null) return key
  throw new HaifError(
    'CONFIG_INVALID',
    `${file} is damaged: it should hold a token; keep a copy of it and remove it, and the gateway makes another one`
  )
}

function make(file: string): string {
  createOnce(file, `${mintToken('operator').text}\n`)
  return readIfThere(file) ?? ''
}
