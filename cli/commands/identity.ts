/** `haif identity`: what the owner says of a HAIF_HOME that was made on another machine. */
import process from 'node:process'
import type { Command } from 'commander'
import { Home } from '#shared/main/home.ts'
import { keepIdentity, renewIdentity, thisMachine } from '#shared/main/machine-mark.ts'

export function addIdentityCommand(program: Command): void {
  const identity = program
    .command('identity')
    .description('the keys of a HAIF_HOME that was copied or moved')
  identity
    .command('new')
    .description('this is a copy: give it keys of its own; join again with a new invite')
    .action(() => {
      const { folder } = new Home(process.env)
      const old = renewIdentity(folder, thisMachine(folder), Date.now())
      process.stdout.write(
        `this machine has keys of its own now: join with a new invite (the old ones are in ${old})\n`
      )
    })
  identity
    .command('keep')
    .description('it was moved: the keys belong to this machine now')
    .action(() => {
      const { folder } = new Home(process.env)
      keepIdentity(folder, thisMachine(folder))
      process.stdout.write('the keys stay, and belong to this machine now\n')
    })
}
