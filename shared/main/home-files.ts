/**
 * The files of HAIF_HOME that cannot be made again: the mesh and its keys, the pepper, the
 * certificates, the operator's token. A backup takes them along, sealed. What can be downloaded,
 * measured or rebuilt stays out, and so does the database, which a backup has as rows.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { Type, type Static } from 'typebox'
import { Compile } from '#shared/validator.ts'
import { HaifError } from '#shared/errors.ts'
import { diskError } from '#shared/trouble/disk.ts'

const LEFT_OUT: ReadonlySet<string> = new Set([
  'models',
  'state',
  'kernels',
  'digests.json',
  'machine.json',
  'speeds.json'
])
const NOT_KEPT = /\.(lock(-journal|-wal|-shm)?|backup|part|before-restore)$/
/** No key is nearly as large; a model that somebody has put there is. */
const FILE_BYTES_MAX = 4 * 1024 * 1024
const FILES_MAX = 4096
/** Keys and lists of keys: far below. */
const BYTES_MAX = 16 * 1024 * 1024

const HomeFiles = Type.Object({
  files: Type.Array(
    Type.Object({
      /** With slashes, below HAIF_HOME; never up out of it. */
      path: Type.String({ pattern: '^(?!.*(^|/)\\.\\.(/|$))[A-Za-z0-9._@+-][A-Za-z0-9._@+/-]*$' }),
      base64: Type.String({ maxLength: 2 * BYTES_MAX })
    }),
    { maxItems: FILES_MAX }
  )
})
type HomeFiles = Static<typeof HomeFiles>

const homeFiles = Compile(HomeFiles)

/** All of them in one piece. */
export function packHome(folder: string): Buffer {
  let bytes = 0
  const files: HomeFiles['files'] = pathsIn(folder).map((path) => {
    const content = readFileSync(join(folder, path))
    bytes += content.length
    return { path: path.split(sep).join('/'), base64: content.toString('base64') }
  })
  if (files.length > FILES_MAX || bytes > BYTES_MAX) {
    throw new HaifError(
      'CONFIG_INVALID',
      `${folder} has more than keys in it (${files.length} files, ${bytes} bytes): ` +
        'move what is not of HAIF out of it'
    )
  }
  return Buffer.from(JSON.stringify({ files }))
}

function pathsIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !NOT_KEPT.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .filter((path) => !LEFT_OUT.has(path.split(sep)[0]!))
    .filter((path) => statSync(join(folder, path)).size <= FILE_BYTES_MAX)
    .toSorted()
}

/**
 * Writes them. One that is there with another content is kept beside as `<name>.before-restore`.
 * Returns the paths that were written.
 */
export function unpackHome(packed: Buffer, folder: string): string[] {
  const value: unknown = JSON.parse(packed.toString())
  if (!homeFiles.Check(value)) {
    throw new HaifError('BACKUP_INVALID', 'the keys in the backup are not as HAIF writes them')
  }
  const changed = value.files.filter(({ path, base64 }) => {
    const file = join(folder, path)
    return !existsSync(file) || readFileSync(file).toString('base64') !== base64
  })
  for (const { path, base64 } of changed)
    writeKept(join(folder, path), Buffer.from(base64, 'base64'))
  return changed.map(({ path }) => path)
}

function writeKept(file: string, content: Buffer): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    if (existsSync(file)) renameSync(file, `${file}.before-restore`)
    writeFileSync(file, content, { mode: 0o600 })
  } catch (error) {
    throw diskError(file, error)
  }
}
