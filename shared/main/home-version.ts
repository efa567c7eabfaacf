/**
 * Which HAIF wrote a HAIF_HOME. The format goes up when a HAIF of before would misread what is in
 * it, and that one then refuses it by name instead of making half of it anew.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { HaifError } from '#shared/errors.ts'
import { VERSION } from '#shared/process/version.ts'

/** 1: one mesh secret, and no such file. 2: a root key and certificates (`mesh/`). */
const FORMAT = 2
const NAME = 'home.json'

interface Written {
  format: number
  version: string
}

/** Throws SCHEMA_MISMATCH when a newer HAIF has written it in a way that this one does not know. */
export function assertKnownHome(folder: string): void {
  const written = readWritten(folder)
  if (written === null || written.format <= FORMAT) return
  throw new HaifError(
    'SCHEMA_MISMATCH',
    `${folder} was written by HAIF ${written.version}, and this is HAIF ${VERSION}, which cannot ` +
      'read it: update HAIF, or set HAIF_HOME to a copy of before'
  )
}

/** For a process that writes into it, which a disk that takes nothing now does not stop. */
export function noteVersion(folder: string): void {
  const written = readWritten(folder)
  if (written?.version === VERSION && written.format === FORMAT) return
  try {
    const text = JSON.stringify({ format: FORMAT, version: VERSION } satisfies Written)
    writeFileSync(join(folder, NAME), `${text}\n`, { mode: 0o600 })
  } catch {
    // The next start writes it.
  }
}

/** Null where no version is noted, and where somebody has written something else. */
function readWritten(folder: string): Written | null {
  try {
    const value = JSON.parse(readFileSync(join(folder, NAME), 'utf8')) as Partial<Written>
    if (typeof value.format !== 'number' || typeof value.version !== 'string') return null
    return { format: value.format, version: value.version.slice(0, VERSION_CHARACTERS_MAX) }
  } catch {
    return null
  }
}

const VERSION_CHARACTERS_MAX = 32
