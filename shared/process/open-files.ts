/** How many files this process may have open; Node raises the soft limit to the hard one itself. */
import { readFileSync } from 'node:fs'
import { HaifError } from '#shared/errors.ts'

/** The database alone opens more than a hundred. */
const FILES_MIN = 256

/** Throws when what a mesh opens would fail one after the other, each with a cause of its own. */
export function assertOpenFiles(limits: string | null = readLimits()): void {
  const [, text = 'unlimited'] = /^Max open files\s+(\S+)/m.exec(limits ?? '') ?? []
  const files = text === 'unlimited' ? Infinity : Number(text)
  if (files >= FILES_MIN) return
  throw new HaifError(
    'CONFIG_INVALID',
    `this process may open ${files} files only, and HAIF needs ${FILES_MIN}: ` +
      'raise the limit (ulimit -n 4096) and start again'
  )
}

/** Null where the system does not tell. */
function readLimits(): string | null {
  try {
    return readFileSync('/proc/self/limits', 'utf8')
  } catch {
    return null
  }
}
