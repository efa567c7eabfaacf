/** Saves a reply as a file: a link could not carry the token. */
import { download } from '../../../ui/download.ts'
import { send } from '../../../ui/mesh/http.ts'
import { notify } from '../../../ui/notices.ts'
import { failureOf } from '../mesh/read.ts'

const SAVE_MS_MAX = 60_000

export async function saveRead(path: string, name: string): Promise<void> {
  try {
    const response = await send(path, { signal: AbortSignal.timeout(SAVE_MS_MAX) })
    download(name, await response.blob())
  } catch (error) {
    notify(failureOf(error).message)
  }
}
