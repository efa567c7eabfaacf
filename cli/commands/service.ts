/** `haif service`: one service alone, as in a container. Its `main.ts` reads the environment. */
import process from 'node:process'
import { Argument, type Command } from 'commander'
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
  program
    .command('service')
    .description('run one service alone; it takes its settings from the environment')
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
}
