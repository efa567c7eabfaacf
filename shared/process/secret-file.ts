/** Secrets of this machine in files that only their owner can read, made at the first start. */
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { dirname } from 'node:path'
import process from 'node:process'
import { HaifError } from '#shared/errors.ts'
import { diskError } from '#shared/trouble/disk.ts'

const SECRET_BYTES = 32
const SECRET_LINE = /^[0-9a-f]{64}$/

/** 32 random bytes that stay the same over restarts. */
export function loadSecretFile(file: string): Buffer {
  const existing = readIfThere(file)
  if (existing !== null) {
    tightenSecretFile(file)
    if (!SECRET_LINE.test(existing)) {
      throw new HaifError(
        'CONFIG_INVALID',
        `${file} is damaged: it should hold 64 hex digits; bring it back from a copy of HAIF_HOME`
      )
    }
    return Buffer.from(existing, 'hex')
  }
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  } catch (error) {
    throw diskError(dirname(file), error)
  }
  createOnce(file, `${randomBytes(SECRET_BYTES).toString('hex')}\n`)
  if (readIfThere(file) === null) throw leadsNowhere(file)
  return loadSecretFile(file)
}

/** A link to a file that is not there can neither be read nor made. */
const leadsNowhere = (file: string): HaifError =>
  new HaifError(
    'CONFIG_INVALID',
    `${file} is a link that leads nowhere: bring back what it names, or move it away`
  )

/**
 * Anybody of this machine could put files of their own into a folder that is open to all. Groups
 * are somebody's wish, as for volumes of containers.
 */
export function closeFolder(folder: string): void {
  if (process.platform === 'win32') return
  const mode = statSync(folder).mode & 0o777
  if ((mode & 0o002) === 0) return
  try {
    chmodSync(folder, mode & ~0o022)
  } catch (error) {
    throw new HaifError(
      'CONFIG_INVALID',
      `any user of this machine can change ${folder}; close it: chmod go-w ${folder}`,
      { cause: error }
    )
  }
  process.stderr.write(
    `haif: other users of this machine could change ${folder} (mode ${mode.toString(8)}); it is closed to them now. ` +
      'Look whether what it holds is yours\n'
  )
}

/**
 * Two processes may start here at once: the file of the first stays, and it is never half written.
 */
export function createOnce(file: string, text: string): void {
  const temporary = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`
  try {
    writeFileSync(temporary, text, { mode: 0o600 })
    linkSync(temporary, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw diskError(file, error)
  } finally {
    rmSync(temporary, { force: true })
  }
}

/** Others of this machine may have read a secret whose file was open to them: its owner is told. */
export function tightenSecretFile(file: string): void {
  if (process.platform === 'win32') return // files there have no such mode
  const mode = statSync(file).mode & 0o777
  if ((mode & 0o077) === 0) return
  chmodSync(file, 0o600)
  process.stderr.write(
    `haif: other users of this machine could read ${file} (mode ${mode.toString(8)}); it is closed to them now. ` +
      'If they should not know it, keep a copy, move it away and start anew\n'
  )
}

/** Null when there is no such file. */
export function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw diskError(file, error)
  }
}
