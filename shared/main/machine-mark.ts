/**
 * The machine that the keys of a HAIF_HOME belong to: `machine.json` names it when they are first
 * used. A home that was copied to another machine, or to another folder, is noticed by it at the
 * start; whether it was copied or moved only its owner can say, so nothing is refused here. Where
 * both live, the mesh refuses one of them (shared/mesh/connection/twins.ts).
 *
 * Containers have no identity of their own that lasts: a volume is moved to a new one at each
 * update. There the mesh alone notices copies.
 */
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync
} from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { HaifError } from '#shared/errors.ts'

const NAME = 'machine.json'
const ID_FILES = ['/etc/machine-id', '/var/lib/dbus/machine-id']
const CONTAINER_FILES = ['/.dockerenv', '/run/.containerenv']

interface Machine {
  /** A hash; the id of a machine is nobody's business. */
  machine: string
  host: string
  folder: string
}

/** Null in a container. */
export function thisMachine(folder: string, root = ''): Machine | null {
  if (CONTAINER_FILES.some((file) => existsSync(root + file))) return null
  const id = ID_FILES.map((file) => readOrNull(root + file)).find((text) => text !== null)
  const machine = createHash('sha256')
    .update(`haif/machine/${id ?? hostname()}`)
    .digest('hex')
  return { machine: machine.slice(0, 32), host: hostname(), folder }
}

/**
 * Marks a home that has no mark yet. Returns what its owner should know where it was made on
 * another machine, or in a folder that is still there.
 */
export function checkMachine(folder: string, here: Machine | null): string | null {
  if (here === null) return null
  const made = readMark(folder)
  if (made === null || isMoved(made, here)) {
    writeMark(folder, here)
    return null
  }
  const { machine, host, folder: before } = made
  if (machine === here.machine && before === here.folder) return null
  return (
    `${folder} was made on ${host} in ${before}, and its keys are those of that machine. If it is a ` +
    'copy, run "haif identity new" here and join with a new invite; if it was moved, run "haif identity keep"'
  )
}

/** On one machine a folder that is no longer where it was has moved. */
const isMoved = (made: Machine, here: Machine): boolean =>
  made.machine === here.machine &&
  made.folder !== here.folder &&
  !existsSync(join(made.folder, NAME))

/** The keys stay: the home has moved. */
export function keepIdentity(folder: string, here: Machine | null): void {
  if (here !== null) writeMark(folder, here)
}

/**
 * The keys of a copy, and what was certified for them, are put aside; new ones are made when they
 * are needed. Returns the folder that has the old ones.
 */
export function renewIdentity(folder: string, here: Machine | null, now: number): string {
  if (existsSync(join(folder, 'mesh', 'root.key'))) {
    throw new HaifError(
      'CONFIG_INVALID',
      `${folder} holds the root key of a mesh, so a copy of it is that mesh a second time: start with an ` +
        'empty HAIF_HOME instead. If the mesh has moved here, run "haif identity keep"'
    )
  }
  const keys = join(folder, 'keys')
  const old = join(keys, `before-${new Date(now).toISOString().replaceAll(/[:.]/g, '-')}`)
  mkdirSync(old, { recursive: true, mode: 0o700 })
  const files = readdirSync(keys).filter((file) => /\.(key|credentials|invite)$/.test(file))
  for (const file of files) renameSync(join(keys, file), join(old, file))
  keepIdentity(folder, here)
  return old
}

function readMark(folder: string): Machine | null {
  try {
    const mark = JSON.parse(readFileSync(join(folder, NAME), 'utf8')) as Partial<Machine>
    const { machine, host, folder: before } = mark
    if (typeof machine !== 'string' || typeof host !== 'string') return null
    return typeof before === 'string' ? { machine, host, folder: before } : null
  } catch {
    return null // none, or no mark of ours
  }
}

function writeMark(folder: string, here: Machine): void {
  try {
    writeFileSync(join(folder, NAME), `${JSON.stringify(here)}\n`, { mode: 0o600 })
  } catch {
    // A disk that takes nothing now: the next start marks it.
  }
}

function readOrNull(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim() || null
  } catch {
    return null
  }
}
