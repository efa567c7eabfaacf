/** Reads the API key of a server, anew for each request, so that the file can be replaced. */
import { readFile } from 'node:fs/promises'
import { ServerGone } from './upstream-errors.ts'

const KEY_CHARACTERS_MAX = 4096

/** Throws ServerGone where the file does not hold one key in one line. */
export async function readApiKey(file: string): Promise<string> {
  try {
    const key = (await readFile(file, 'utf8')).trim()
    if (/^[\x21-\x7E]+$/.test(key) && key.length <= KEY_CHARACTERS_MAX) return key
  } catch (error) {
    throw new ServerGone(`the key file ${file} cannot be read`, { cause: error })
  }
  throw new ServerGone(`the key file ${file} does not hold one key in one line`)
}
