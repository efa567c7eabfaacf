/** What is made to fail, for how long, and by which words the log must name it. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../helpers/random.ts'
import { NO_SLOW_DISK } from '../../helpers/stores/slow-disk.ts'
import { NO_SMALL_DISK } from '../../helpers/stores/small-disk.ts'
import type { ChaosMesh, Replaceable } from './chaos-mesh.ts'
import { HUB_FAULTS, replaceFile } from './models.ts'

interface Fault {
  name: string
  /** Undefined: what is killed says nothing, and those that used it go on elsewhere. */
  says?: RegExp
  /** The reason why it cannot be made here. */
  needs?: string | false
  /** Rejects never: what it has broken is whole again when it resolves. */
  run: (mesh: ChaosMesh, ms: number, random: Random) => Promise<void>
}

const kill = (name: Replaceable['name']): Fault => ({
  name: `${name} killed with -9`,
  async run(mesh, ms, random) {
    mesh.replace(random.pick(mesh.parts.filter((part) => part.name === name)))
    await sleep(ms)
  }
})

const stop = (name: Replaceable['name']): Fault => ({
  name: `${name} stopped for a while (SIGSTOP)`,
  async run({ parts }, ms, random) {
    const { process } = random.pick(parts.filter((part) => part.name === name))
    process.kill('SIGSTOP')
    await sleep(ms)
    process.kill('SIGCONT')
  }
})

/** Statements of the superuser; `throwOut` makes sessions notice what holds for new ones. */
const inPostgres = (
  name: string,
  says: RegExp,
  statements: (mesh: ChaosMesh) => { begin: string; end: string; throwOut?: boolean }
): Fault => ({
  name,
  says,
  async run(mesh, ms) {
    const { begin, end, throwOut = false } = statements(mesh)
    const { postgres, adminUrl, user } = mesh
    const everybodyOut = `select pg_terminate_backend(pid) from pg_stat_activity where usename = '${user}'`
    await postgres.sql(adminUrl, begin)
    if (throwOut) await postgres.sql(adminUrl, everybodyOut)
    await sleep(ms)
    await postgres.sql(adminUrl, end)
    if (throwOut) await postgres.sql(adminUrl, everybodyOut)
  }
})

/** Until a gateway among others has written several rows. */
const SLOW_MS_MIN = 8000
const JUMPS_MS = [10_000, 600_000, 7_200_000].flatMap((ms) => [ms, -ms])

const database = ({ adminUrl }: ChaosMesh) => new URL(adminUrl).pathname.slice(1)

export const FAULTS: Fault[] = [
  kill('gateway'),
  kill('orchestrator'),
  kill('worker'),
  kill('jobs'),
  stop('gateway'),
  stop('orchestrator'),
  stop('worker'),
  stop('jobs'),
  {
    name: 'disk of a gateway full',
    says: /disk of this machine.*has no more room/,
    needs: NO_SMALL_DISK,
    async run({ disk }, ms) {
      disk?.fill()
      await sleep(ms)
      disk?.empty()
    }
  },
  {
    name: 'disk of a gateway slow',
    says: /cannot be written to the disk of this machine.*is slow/,
    needs: NO_SLOW_DISK,
    async run({ slowDisk }, ms) {
      slowDisk?.begin()
      await sleep(Math.max(ms, SLOW_MS_MIN))
      slowDisk?.end()
    }
  },
  {
    name: 'clock of a process set forward or back',
    says: /the clock of this machine went/,
    async run({ parts }, ms, random) {
      const part = random.pick(parts)
      await part.setClock(random.pick(JUMPS_MS))
      await sleep(ms)
      await part.setClock(0)
    }
  },
  {
    name: 'file of a loaded model replaced',
    says: /the file has changed since|another file has taken its place since/,
    run: replaceFile
  },
  ...HUB_FAULTS,
  {
    name: 'Postgres killed',
    says: /database.*(cannot be reached|is away|is busy)/,
    async run({ postgres }, ms) {
      await postgres.stop('SIGQUIT')
      await sleep(ms)
      await postgres.start()
    }
  },
  inPostgres('Postgres read-only', /the database is read-only/, (mesh) => ({
    begin: `alter user ${mesh.user} set default_transaction_read_only = on`,
    end: `alter user ${mesh.user} reset default_transaction_read_only`,
    throwOut: true
  })),
  inPostgres('rights revoked', /the database does not give this user/, (mesh) => ({
    begin: `revoke insert, update, delete on all tables in schema public from ${mesh.user}`,
    end: `grant all on all tables in schema public to ${mesh.user}`
  })),
  inPostgres('password rotated', /the database does not let this user in/, (mesh) => ({
    begin: `alter user ${mesh.user} password 'rotated'`,
    end: `alter user ${mesh.user} password 'first'`,
    throwOut: true
  })),
  inPostgres('no connection free', /the database has no connection free/, (mesh) => ({
    begin: `alter database ${database(mesh)} connection limit 0`,
    end: `alter database ${database(mesh)} connection limit -1`,
    throwOut: true
  })),
  {
    name: 'Redis killed',
    says: /Redis cannot be used now.*(cannot be reached|connection)/,
    async run({ redis }, ms) {
      await redis.kill()
      await sleep(ms)
      await redis.start()
    }
  },
  {
    name: 'Redis read-only',
    says: /Redis cannot be used now.*read-only replica/,
    async run({ redis }, ms) {
      await redis.command('replicaof', '127.0.0.1', '1')
      await sleep(ms)
      await redis.command('replicaof', 'no', 'one')
    }
  }
]
