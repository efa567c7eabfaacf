/**
 * An empty database, made beforehand: to make one takes five seconds of a processor, to unpack one
 * takes less than one. `node shared/store/embedded/new-database.ts` makes the file again; that is
 * due when PGlite changes, and without it everything still works, only slower at the first start.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'

const FILE = new URL('new-database.tar.zst', import.meta.url)
/** The PGlite that made it; another one makes its own. */
const MADE_BY = '0.5.14'
/** 2^25 bytes: the copies of the system tables in it are 8 MB apart. */
const WINDOW_LOG = 25

export function newDatabase(): File | null {
  if (pgliteVersion() !== MADE_BY) return null
  const params = { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG }
  const tar = zstdDecompressSync(readFileSync(FILE), { params })
  return new File([tar], 'new-database.tar', { type: 'application/x-tar' })
}

function pgliteVersion(): string {
  const main = createRequire(import.meta.url).resolve('@electric-sql/pglite')
  const text = readFileSync(main.replace(/dist[\\/].*$/, 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

async function make(): Promise<void> {
  const { PGlite } = await import('@electric-sql/pglite')
  const db = await PGlite.create()
  const tar = Buffer.from(await (await db.dumpDataDir('none')).arrayBuffer())
  await db.close()
  const params = {
    [constants.ZSTD_c_compressionLevel]: 19,
    [constants.ZSTD_c_windowLog]: WINDOW_LOG,
    [constants.ZSTD_c_enableLongDistanceMatching]: 1
  }
  writeFileSync(FILE, zstdCompressSync(tar, { params }))
}

if (import.meta.main) await make()
