/**
 * The code that a driver has compiled for its card: a few hundred files at most. It grows while
 * kernels are compiled, which is the only sign that a process in the driver gets on.
 */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

export function bytesOfKernels(folder: string | undefined): number {
  if (folder === undefined) return 0
  let bytes = 0
  for (const name of namesIn(folder)) {
    bytes += statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0
  }
  return bytes
}

/** The driver makes the folder when it has something to keep. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
  } catch {
    return []
  }
}
