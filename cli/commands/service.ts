/** `haif service`: one service alone, as in a container. Its `main.ts` reads the environment. */
import process from 'node:process'
import { Argument, type Command } from 'commander'
import { install, ownServiceFile, uninstall } from '../install/install-service.ts'
import { KEPT_COMMANDS, type KeptCommand } from '../install/service-files.ts'
import { checkHealth } from '../ask/health-check.ts'

/** Named one by one, so that a package is built with all of them. */
const SERVICES = new Map<string, () => Promise<unknown>>([
  ['bootstrap', () => import('../../services/bootstrap/main.ts')],
  ['registry', () => import('../../services/registry/main.ts')],
  ['orchestrator', () => import('../../services/orchestrator/main.ts')],
  ['gateway', () => import('../../services/gateway/main.ts')],
  ['worker', () => import('../../services/worker/main.ts')],
  ['http-bridge', () => import('../../services/http-bridge/main.ts')],
  ['jobs', () => import('../../services/jobs/main.ts')],
  ['relay', () => import('../../services/relay/main.ts')]
])

export function addServiceCommand(program: Command): void {
  const service = program
    .command('service')
    .description('run one service alone, set by the environment; or keep HAIF running here')
    .addArgument(new Argument('<name>').choices([...SERVICES.keys()]))
    .option(
      '--check',
      'ask the one that runs here whether it can do its work, and say what is missing'
    )
    .action(async (name: string, { check = false }: { check?: boolean }) => {
      if (check) {
        const problem = await checkHealth(process.env)
        process.stdout.write(`${name}: ${problem ?? 'ready'}\n`)
        process.exitCode = problem === null ? 0 : 1
        return
      }
      await SERVICES.get(name)?.()
    })
  addInstallCommands(service)
}

/** `haif service install join`: keeps it running on this machine, also after a restart. */
function addInstallCommands(service: Command): void {
  const kept = () => new Argument('[command]', 'what is kept running').choices(KEPT_COMMANDS)
  service
    .command('install')
    .description('keep "haif up" or "haif join" running here, by systemd or launchd')
    .addArgument(kept().default('up'))
    .argument('[options...]', 'of that command, after --')
    .option('--print', 'print the file and install nothing')
    .action((command: KeptCommand, args: string[], { print }: { print?: true }) => {
      const file = ownServiceFile(command, args, process.env)
      process.stdout.write(print === true ? file.text : `${install(file).join('\n')}\n`)
    })
  service
    .command('uninstall')
    .description('stop keeping it running')
    .addArgument(kept().default('up'))
    .action((command: KeptCommand) => {
      process.stdout.write(`${uninstall(ownServiceFile(command, [], process.env)).join('\n')}\n`)
    })
}
