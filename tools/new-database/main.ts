/** `node tools/new-database/main.ts`: makes the database that a first start unpacks. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { constants, zstdCompressSync } from 'node:zlib'
import { PGlite } from '@electric-sql/pglite'
import { silentLogger } from '#shared/process/log.ts'
import { databaseFolder } from '#shared/store/embedded/embedded-database.ts'
import { EmbeddedStore } from '#shared/store/embedded/embedded-store.ts'
import { NEW_DATABASE, WINDOW_LOG } from '#shared/store/embedded/new-database.ts'

function onFailure(error: unknown): never {
  throw error
}

const folder = mkdtempSync(join(tmpdir(), 'haif-new-database-'))
// Not from the file that is to be made anew: its PGlite, or its migrations, may be others.
await (await PGlite.create({ dataDir: databaseFolder(folder) })).close()
const store = new EmbeddedStore({ folder, log: silentLogger(), onFailure })
await store.start()
await store.opened()
await store.stop()
const database = await PGlite.create({ dataDir: databaseFolder(folder) })
await database.exec('checkpoint') // so that an opening need not read the log
const tar = Buffer.from(await (await database.dumpDataDir('none')).arrayBuffer())
await database.close()
rmSync(folder, { recursive: true })
const params = {
  [constants.ZSTD_c_compressionLevel]: 19,
  [constants.ZSTD_c_windowLog]: WINDOW_LOG,
  [constants.ZSTD_c_enableLongDistanceMatching]: 1
}
writeFileSync(NEW_DATABASE, zstdCompressSync(tar, { params }))
