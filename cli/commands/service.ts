/** `haif service`: one service alone, as in a container. Its `main.ts` reads the environment. */
import process from 'node:process'
import { Argument, type Command } from 'commander'
import { checkHealth } from '../ask/health-check.ts'

const SERVICES = [
  'bootstrap',
  'registry',
  'orchestrator',
  'gateway',
  'worker',
  'http-bridge',
  'jobs',
  'relay'
]

export function addServiceCommand(program: Command): void {
  program
    .command('service')
    .description('run one service alone; it takes its settings from the environment')
    .addArgument(new Argument('<name>').choices(SERVICES))
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
      await import(`../../services/${name}/main.ts`)
    })
}
