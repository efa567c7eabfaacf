/** A mesh of processes with real stores, every part of which can be made to fail. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { silentLogger } from '#shared/process/log.ts'
import { PostgresStore } from '#shared/store/postgres-store.ts'
import { Deployment } from '../../helpers/mesh/deployment.ts'
import type { ServiceProcess } from '../../helpers/mesh/service-process.ts'
import { atEnd } from '../../helpers/peers/peers.ts'
import { TestPostgres } from '../../helpers/stores/postgres.ts'
import { TestRedis } from '../../helpers/stores/redis.ts'
import { NO_SLOW_DISK, slowDisk } from '../../helpers/stores/slow-disk.ts'
import { NO_SMALL_DISK, smallDisk } from '../../helpers/stores/small-disk.ts'
import { startHub, type TestHub } from '../../services/worker/models/download/models-hub.ts'
import { builtinBytes, copyBuiltin, HUB_FILE } from './model-file.ts'

export const TOKEN = 'chaos-token'
const USER = 'app_chaos'
/** Left to itself a heap grows by garbage for minutes, which is no measure of what is held. */
const CLOCK = new URL('clock.ts', import.meta.url).href
const SLOWNESS = { writeMs: 150, syncMs: 1000 }
const TIDY_HEAPS = '--max-semi-space-size=2 --max-old-space-size=128'

export const AUTHORIZED = { authorization: `Bearer ${TOKEN}` }

export interface Replaceable {
  name: 'gateway' | 'orchestrator' | 'worker' | 'registry' | 'jobs'
  env: Record<string, string>
  process: ServiceProcess
  /** Sets the clock of the process, by so many milliseconds, once it has started. */
  setClock: (byMs: number) => Promise<void>
}

export interface ChaosMesh {
  deployment: Deployment
  postgres: TestPostgres
  redis: TestRedis
  /** The database as its superuser reaches it. */
  adminUrl: string
  user: string
  parts: Replaceable[]
  /** The disk under the first gateway; null where none can be mounted. */
  disk: ReturnType<typeof smallDisk> | null
  /** The disk under the second one; null without a C compiler. */
  slowDisk: ReturnType<typeof slowDisk> | null
  /** The files of two workers that hold one model. */
  files: string[]
  hub: TestHub
  /** One that is no part of the mesh for long. */
  addWorker: (env: Record<string, string>) => ServiceProcess
  /** Every warning and error of every process, those that were killed included. */
  logged: Set<string>
  replace: (part: Replaceable) => void
}

export async function startChaosMesh(t: TestContext): Promise<ChaosMesh> {
  const postgres = new TestPostgres()
  await postgres.create()
  atEnd(t, () => postgres.end())
  const redis = new TestRedis()
  await redis.start()
  atEnd(t, () => redis.stop())
  const adminUrl = await postgres.freshDatabase()
  const url = await appUrl(postgres, adminUrl)
  const state = {
    DATABASE_URL: url,
    REDIS_URL: redis.url,
    HAIF_TOKEN_PEPPER: randomBytes(32).toString('hex'),
    HAIF_API_TOKENS: `${TOKEN}:tenant:chaos`,
    MAX_CONCURRENT_REQUESTS: '10000',
    LOG_LEVEL: 'debug',
    NODE_OPTIONS: `${TIDY_HEAPS} --import ${CLOCK}`
  }
  const deployment = await Deployment.start([], state)
  atEnd(t, () => deployment[Symbol.asyncDispose]())
  const disk = NO_SMALL_DISK === false ? smallDisk(t, 24) : null
  const logged = new Set<string>()
  const listen = (process: ServiceProcess) => {
    process.child.stderr!.on('data', (chunk: Buffer) => keepWarnings(chunk.toString(), logged))
    return process
  }
  const parts: Replaceable[] = []
  const clocks = homeOf(t)
  const add = (name: Replaceable['name'], given: Record<string, string>) => {
    const clock = join(clocks, String(parts.length))
    writeFileSync(clock, '0')
    const env = { ...given, CHAOS_CLOCK: clock }
    const part: Replaceable = {
      name,
      env,
      process: listen(deployment.addService(name, env)),
      async setClock(byMs) {
        await part.process.up.catch(() => {}) // before, the signal would end it
        writeFileSync(clock, String(byMs))
        part.process.kill('SIGUSR2')
      }
    }
    parts.push(part)
  }
  const slowHome = homeOf(t)
  const slow = NO_SLOW_DISK === false ? slowDisk(t, slowHome, SLOWNESS) : null
  add('gateway', { ...state, HAIF_HOME: disk === null ? homeOf(t) : join(disk.folder, 'home') })
  add('gateway', { ...state, HAIF_HOME: slowHome, ...slow?.env })
  for (let i = 0; i < 2; i++) add('orchestrator', { ...state, HAIF_HOME: homeOf(t) })
  for (let i = 0; i < 2; i++) {
    add('worker', { MODEL_ID: 'sim?slots=16&decode=400', HAIF_HOME: homeOf(t) })
  }
  for (let i = 0; i < 2; i++) add('jobs', { ...state, HAIF_HOME: homeOf(t) })
  const files = [0, 1].map((i) => join(clocks, `tiny-${i}.gguf`))
  for (const file of files) {
    copyBuiltin(file)
    add('worker', { MODEL_ID: `tiny=${file}`, HAIF_HOME: homeOf(t) })
  }
  const hub = await startHub(t, { files: { [HUB_FILE]: builtinBytes() }, tags: { Q8_0: HUB_FILE } })
  const addWorker = (env: Record<string, string>) =>
    listen(deployment.addService('worker', { ...env, HAIF_HOME: homeOf(t) }))
  for (const service of deployment.services) listen(service)
  await deployment.ready()
  const replace = (part: Replaceable) => {
    part.process.kill('SIGKILL')
    part.process = listen(deployment.addService(part.name, part.env))
  }
  const stores = { postgres, redis, adminUrl, user: USER, disk, slowDisk: slow, files, hub }
  return { deployment, ...stores, parts, logged, replace, addWorker }
}

/** A user with rights that can be taken from it; the tables belong to somebody else. */
async function appUrl(postgres: TestPostgres, adminUrl: string): Promise<string> {
  const migrating = new PostgresStore({ url: adminUrl, log: silentLogger() })
  await migrating.start()
  await migrating.stop()
  await postgres.sql(adminUrl, `create user ${USER} password 'first'`)
  await postgres.sql(adminUrl, `grant all on all tables in schema public to ${USER}`)
  await postgres.sql(adminUrl, `grant all on all sequences in schema public to ${USER}`)
  await postgres.askForPassword(USER)
  return Object.assign(new URL(adminUrl), { username: USER, password: 'first' }).href
}

function homeOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'haif-chaos-'))
  atEnd(t, async () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** As many as there are different messages: times, keys and ids are left out. */
function keepWarnings(text: string, logged: Set<string>): void {
  for (const line of text.split('\n')) {
    if (!/"level":"(warn|error|fatal)"/.test(line) && !line.startsWith('haif: ')) continue
    const { msg = line, reason = '', cause = '' } = parsed(line)
    logged.add(`${msg} ${reason} ${cause}`.replaceAll(/[0-9a-f]{8,}|\d+/g, '#'))
  }
}

function parsed(line: string): { msg?: string; reason?: string; cause?: string } {
  try {
    return JSON.parse(line) as { msg?: string; reason?: string; cause?: string }
  } catch {
    return {}
  }
}
