/** `haif service`: one service alone, as in a container. Its `main.ts` reads the environment. */
import { Argument, type Command } from 'commander'

const SERVICES = ['registry', 'orchestrator', 'gateway', 'worker', 'http-bridge']

export function addServiceCommand(program: Command): void {
  program
    .command('service')
    .description('run one service alone; it takes its settings from the environment')
    .addArgument(new Argument('<name>').choices(SERVICES))
    .action(async (name: string) => {
      await import(`../../services/${name}/main.ts`)
    })
}
