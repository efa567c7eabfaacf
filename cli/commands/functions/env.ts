/** `haif env`: the environments of functions on this machine, and the Pythons that they may use. */
import { appendFileSync, mkdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import process from 'node:process'
import type { Command } from 'commander'
import { HaifError } from '#shared/errors.ts'
import { Home } from '#shared/main/home.ts'
import { readTasks } from '../../../services/worker/tasks/task-config.ts'
import { Environments } from '../../../services/worker/tasks/function-run/environments.ts'
import {
  findRuntimes,
  lookAtPython,
  namedPythons,
  pythonsFile
} from '../../../services/worker/tasks/function-run/runtimes.ts'
import { print, shortTime, type CommonOptions } from '../../ask/gateway-call.ts'
import { table, type Cell } from '../../screen/table.ts'
import { screenOf } from '../../screen/terminal.ts'

const MEBIBYTE = 1 << 20

export function addEnvCommand(program: Command): void {
  const env = program.command('env').description('environments of functions on this machine')
  env
    .command('ls', { isDefault: true })
    .description('list what is built, and the runtimes that are there')
    .option('--json', 'print JSON')
    .action(list)
  env
    .command('rm <key>')
    .description('remove one; it is built again when it is needed')
    .action(async (beginning: string) => {
      const { environments } = place()
      const found = environments.list().filter(({ key }) => key.startsWith(beginning))
      const [only] = found
      if (only === undefined || found.length > 1) {
        const problem = only === undefined ? 'no environment begins' : 'several begin'
        throw new HaifError('NOT_FOUND', `${problem} with ${beginning}; "haif env" lists them`)
      }
      await environments.remove(only.key)
      process.stdout.write(`${only.key} is removed\n`)
    })
  env
    .command('add <python>')
    .description('let functions use a Python, 3.10 or newer; a worker sees it when it starts')
    .action(add)
}

function place() {
  const home = new Home(process.env)
  const { functions } = readTasks(process.env, {})
  const folder = functions.folder ?? join(home.folder, 'functions')
  const environments = new Environments({ folder, env: functions.installers })
  return { home: home.folder, environments, pythons: functions.pythons }
}

async function list(options: CommonOptions): Promise<void> {
  const { home, environments, pythons } = place()
  const built = environments.list()
  const runtimes = await findRuntimes([...pythons, ...namedPythons(home)])
  const rows = built.map(({ key, bytes, usedAt }): Cell[] => [
    { text: key.slice(0, 12), format: 'bold' },
    { text: `${Math.ceil(bytes / MEBIBYTE)} MiB` },
    { text: `used ${shortTime(usedAt)}` }
  ])
  const known = runtimes.map(({ name, version, path }): Cell[] => [
    { text: `${name} ${version}`, format: 'bold' },
    { text: path }
  ])
  const screen = screenOf(process.stdout)
  const none = built.length === 0 ? ['no environments'] : []
  print(
    { environments: built, runtimes },
    [...none, ...table(rows, screen, ''), '', ...table(known, screen, '')],
    options
  )
}

async function add(path: string): Promise<void> {
  const { home } = place()
  const program = resolve(path)
  const python = await lookAtPython(program).catch((cause: unknown) => {
    throw new HaifError('VALIDATION_FAILED', `${program} is no Python that runs`, { cause })
  })
  if (python === null) throw new HaifError('VALIDATION_FAILED', `${program} is older than 3.10`)
  const file = pythonsFile(home)
  mkdirSync(dirname(file), { recursive: true })
  if (!namedPythons(home).includes(program)) appendFileSync(file, `${program}\n`)
  process.stdout.write(`python ${python.version} at ${program}\n`)
}
