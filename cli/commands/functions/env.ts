/** `haif env`: the environments of functions on this machine, and the Pythons that they may use. */
import { appendFileSync, mkdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import process from 'node:process'
import type { Command } from 'commander'
import {
  gatewayEnvironments,
  gatewayOrderEnvironment,
  type BuiltEnvironment,
  type EnvironmentAct
} from '#shared/contracts/functions/environments.ts'
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
import { askGateway, print, shortTime, type CommonOptions } from '../../ask/gateway-call.ts'
import { TOPIC_KEY } from '../options/options.ts'
import { table, type Cell } from '../../screen/table.ts'
import { screenOf } from '../../screen/terminal.ts'

const MEBIBYTE = 1 << 20

export function addEnvCommand(program: Command): void {
  const env = program.command('env').description('environments of functions on this machine')
  env
    .command('ls', { isDefault: true })
    .description('list what is built, and the runtimes that are there')
    .option('--machine <name>', 'on another machine of the mesh; all: on each of them')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action((options: AtMachine) =>
      options.machine === undefined ? list(options) : listThere(options.machine, options)
    )
  env
    .command('rm <key>')
    .description('remove one; it is built again when it is needed')
    .option('--machine <name>', 'on another machine of the mesh, by the whole key; an operator may')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(async (beginning: string, options: AtMachine) => {
      if (options.machine !== undefined) return order('remove', beginning, options)
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
    .command('rebuild <key>')
    .description('build one anew on a machine of the mesh; runs use the old one until then')
    .requiredOption('--machine <name>', 'where')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action((key: string, options: AtMachine) => order('rebuild', key, options))
  env
    .command('add <python>')
    .description('let functions use a Python, 3.10 or newer; a worker sees it when it starts')
    .action(add)
}

interface AtMachine extends CommonOptions {
  machine?: string
}

async function listThere(machine: string, options: CommonOptions): Promise<void> {
  const query = machine === 'all' ? {} : { machine }
  const found = await askGateway(gatewayEnvironments, query, options)
  const screen = screenOf(process.stdout)
  const lines = found.machines.flatMap(({ id, name = id, environments, runtimes, error }) => [
    `${name}: ${error ?? runtimes.map((each) => `${each.name} ${each.version}`).join(', ')}`,
    ...table(environments.map(rowOf), screen, '  ')
  ])
  print(found, lines.length === 0 ? ['no machine runs functions'] : lines, options)
}

async function order(
  action: EnvironmentAct['action'],
  key: string,
  { machine = '', ...options }: AtMachine
): Promise<void> {
  const done = await askGateway(gatewayOrderEnvironment, { machine, action, key }, options)
  const what = action === 'remove' ? 'is removed' : 'is being built anew'
  print(done, [`${key.slice(0, 12)} ${what} on ${machine}`], options)
}

const rowOf = ({ key, bytes, usedAt, dependencies = [] }: BuiltEnvironment): Cell[] => [
  { text: key.slice(0, 12), format: 'bold' },
  { text: `${Math.ceil(bytes / MEBIBYTE)} MiB` },
  { text: `used ${shortTime(usedAt)}` },
  { text: dependencies.join(' '), format: 'dim' }
]

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
  const rows = built.map(rowOf)
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
