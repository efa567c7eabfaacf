/** Reads a file that a person names; `-` is what is piped in. */
import { readFileSync } from 'node:fs'
import { HaifError } from '#shared/errors.ts'
import { reasonOf } from '#shared/kit/reason-of.ts'

export function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (cause) {
    const message = `${file} cannot be read: ${reasonOf(cause)}`
    throw new HaifError('VALIDATION_FAILED', message, { cause })
  }
}
