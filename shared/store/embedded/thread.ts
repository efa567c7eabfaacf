/**
 * The thread of the embedded database: it would hold up everything else for seconds. It listens
 * before the database is open, so that clients may connect at once and only their first statement
 * waits.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { parentPort, workerData } from 'node:worker_threads'
import type { PGlite } from '@electric-sql/pglite'
import type { ErrorCode } from '#shared/errors.ts'
import { ask, type Reply } from './backend.ts'
import { inspectFolder, openingError, unfinishedMark } from './folder.ts'
import { unpackNewDatabase } from './new-database.ts'
import { Session } from './session.ts'
import { Turns } from '#shared/kit/turns.ts'

export interface ThreadData {
  folder: string
  password: string
  /** There was a database before, so that none is made in its place. */
  mustExist: boolean
}

export type ThreadNews =
  | { kind: 'listening'; port: number }
  | { kind: 'open' }
  | { kind: 'failed'; code: ErrorCode; message: string }

/**
 * V8's optimizer stays away from the database: one function of it is so large that to optimize it
 * takes a second of a processor and 550 MB soon after every start. Without, a query takes 0.8 ms of
 * a processor instead of 0.56, which a home does not notice. V8 takes the last flag for all three
 * only on the command line.
 */
for (const flag of ['--no-wasm-tier-up', '--no-wasm-dynamic-tiering', '--liftoff-only']) {
  setFlagsFromString(flag)
}

/** Processes of one machine, with a few connections each. */
const CONNECTIONS_MAX = 256

const { folder, password, mustExist } = workerData as ThreadData
const tell = (news: ThreadNews) => parentPort!.postMessage(news)
const sessions = new Set<Session>() // at most CONNECTIONS_MAX
const turns = new Turns()
const database = open()
database.then(
  () => tell({ kind: 'open' }),
  (error: unknown) => {
    const { code, message } = openingError(folder, error)
    tell({ kind: 'failed', code, message })
  }
)

/**
 * Making a new database takes seconds, and what is left when that is broken off cannot be opened.
 * As long as it is marked as unfinished nobody has stored anything in it.
 */
async function open(): Promise<PGlite> {
  const unfinished = unfinishedMark(folder)
  const isNew = inspectFolder(folder, mustExist)
  if (isNew) writeFileSync(unfinished, '')
  const { PGlite } = await import('@electric-sql/pglite')
  if (isNew) unpackNewDatabase(folder)
  const opened = await PGlite.create({ dataDir: folder })
  rmSync(unfinished, { force: true })
  return opened
}

function onNotices(notices: Reply['notices']): void {
  for (const { channel, bytes } of notices) {
    for (const session of sessions) if (session.channels.has(channel)) session.tell(bytes)
  }
}

const server = createServer((socket) => {
  const session = new Session({
    socket,
    password,
    turns,
    ask: async (bytes) => ask(await database, bytes),
    onNotices
  })
  sessions.add(session)
  void session.run().then(() => sessions.delete(session))
})
server.maxConnections = CONNECTIONS_MAX
server.listen(0, '127.0.0.1', () =>
  tell({ kind: 'listening', port: (server.address() as AddressInfo).port })
)

async function stop(): Promise<void> {
  server.close()
  const opened = await database.catch(() => null)
  await opened?.close()
  process.exit(0) // of this thread
}

parentPort!.once('message', () => void stop())
