/** The commands of `haif`. Each has a file of its own in commands/. */
import process from 'node:process'
import { Command } from 'commander'
import { reportFailure } from '#shared/main/report-failure.ts'
import { VERSION } from '#shared/process/version.ts'
import { addAuditCommand } from './commands/audit.ts'
import { addChatCommand } from './commands/chat.ts'
import { addDbCommand } from './commands/db.ts'
import { addDrainCommand } from './commands/drain.ts'
import { addInferCommand } from './commands/infer.ts'
import { addJoinCommand } from './commands/join.ts'
import { addKeyCommand } from './commands/key.ts'
import { addServiceCommand } from './commands/service.ts'
import { addStatusCommand } from './commands/status.ts'
import { addTenantCommand } from './commands/tenant.ts'
import { addTokenCommand } from './commands/token.ts'
import { addUpCommand } from './commands/up.ts'
import { addUsageCommand } from './commands/usage.ts'

const program = new Command('haif')
  .description('one private AI cloud from the machines you own')
  .version(VERSION)
  .showHelpAfterError('(haif --help lists the commands)')

addUpCommand(program)
addJoinCommand(program)
addInferCommand(program)
addChatCommand(program)
addStatusCommand(program)
addDrainCommand(program)
addTokenCommand(program)
addTenantCommand(program)
addUsageCommand(program)
addAuditCommand(program)
addKeyCommand(program)
addDbCommand(program)
addServiceCommand(program)

try {
  await program.parseAsync()
} catch (error) {
  reportFailure(error)
  process.exit(1)
}
