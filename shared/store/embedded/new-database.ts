/**
 * An empty database with its tables, made beforehand: to make one takes seven seconds of a
 * processor, to unpack one a third of one. tools/new-database makes the file again; that is due
 * when PGlite changes and after some migrations, and without it everything still works, only
 * slower at the first start.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { constants, zstdDecompressSync } from 'node:zlib'

export const NEW_DATABASE = new URL('new-database.tar.zst', import.meta.url)
/** The PGlite that made it; another one makes its own. */
const MADE_BY = '0.5.14'
/** 2^25 bytes: the copies of the system tables in it are 8 MB apart. */
export const WINDOW_LOG = 25

/**
 * Unpacks it into an empty folder, unless another PGlite has to make its own there. PGlite could
 * unpack it too, but writes its thousand files through the file system of its WebAssembly, which
 * takes four times as long as all else of a first start.
 */
export function unpackNewDatabase(folder: string): void {
  if (pgliteVersion() !== MADE_BY) return
  const params = { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG }
  // In one piece: by the usual 16 kB, joining the pieces takes as long as all else.
  const tar = zstdDecompressSync(readFileSync(NEW_DATABASE), { params, chunkSize: TAR_BYTES_MAX })
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  for (let at = 0; tar[at] !== 0;) {
    const name = textAt(tar, at, 100)
    const size = Number.parseInt(textAt(tar, at + 124, 12), 8)
    const begin = at + BLOCK_BYTES
    const path = join(folder, name)
    if (tar[at + 156] === FOLDER) mkdirSync(path, { mode: 0o700 })
    else writeFileSync(path, tar.subarray(begin, begin + size), { mode: 0o600 })
    at = begin + Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES
  }
}

/** It has 40 MB; a larger one only takes longer. */
const TAR_BYTES_MAX = 48 * 1024 * 1024

/** The format of tar: a block with name, size and type of each file, then the file in blocks. */
const BLOCK_BYTES = 512
const FOLDER = '5'.charCodeAt(0)

function textAt(bytes: Buffer, at: number, length: number): string {
  const text = bytes.toString('latin1', at, at + length)
  return text.slice(0, text.indexOf('\0'))
}

function pgliteVersion(): string {
  const main = createRequire(import.meta.url).resolve('@electric-sql/pglite')
  const text = readFileSync(main.replace(/dist[\\/].*$/, 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
