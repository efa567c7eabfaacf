/** The commands of `haif`. Each has a file of its own in commands/, loaded when it is asked for. */
import process from 'node:process'
import { Command, CommanderError } from 'commander'
import { reportFailure } from '#shared/main/report-failure.ts'
import { VERSION } from '#shared/process/version.ts'
import { otherWords } from './screen/other-words.ts'
import { EXIT_CODES, exitCodeOf } from './screen/exit-code.ts'

/** In the order of the help, which alone needs all of them. */
const COMMANDS = new Map<string, () => Promise<(program: Command) => void>>([
  ['up', async () => (await import('./commands/up.ts')).addUpCommand],
  ['join', async () => (await import('./commands/join.ts')).addJoinCommand],
  ['relay', async () => (await import('./commands/relay.ts')).addRelayCommand],
  ['invite', async () => (await import('./commands/members/invite.ts')).addInviteCommand],
  ['peers', async () => (await import('./commands/members/peers.ts')).addPeersCommand],
  ['approve', async () => (await import('./commands/members/peers.ts')).addApproveCommand],
  ['mesh', async () => (await import('./commands/members/mesh.ts')).addMeshCommand],
  ['infer', async () => (await import('./commands/infer.ts')).addInferCommand],
  ['submit', async () => (await import('./commands/submit.ts')).addSubmitCommand],
  ['launch', async () => (await import('./commands/launch.ts')).addLaunchCommand],
  ['chat', async () => (await import('./commands/chat.ts')).addChatCommand],
  ['run', async () => (await import('./commands/run.ts')).addRunCommand],
  ['jobs', async () => (await import('./commands/jobs/jobs.ts')).addJobsCommand],
  ['policy', async () => (await import('./commands/jobs/policy.ts')).addPolicyCommand],
  ['fn', async () => (await import('./commands/functions/fn.ts')).addFnCommand],
  ['env', async () => (await import('./commands/functions/env.ts')).addEnvCommand],
  ['secrets', async () => (await import('./commands/functions/secrets.ts')).addSecretsCommand],
  ['runs', async () => (await import('./commands/functions/runs.ts')).addRunsCommand],
  ['models', async () => (await import('./commands/operating/models.ts')).addModelsCommand],
  ['requests', async () => (await import('./commands/operating/requests.ts')).addRequestsCommand],
  ['workers', async () => (await import('./commands/operating/workers.ts')).addWorkersCommand],
  ['settings', async () => (await import('./commands/operating/settings.ts')).addSettingsCommand],
  ['status', async () => (await import('./commands/status.ts')).addStatusCommand],
  ['console', async () => (await import('./commands/console.ts')).addConsoleCommand],
  ['doctor', async () => (await import('./commands/doctor.ts')).addDoctorCommand],
  ['drain', async () => (await import('./commands/drain.ts')).addDrainCommand],
  ['token', async () => (await import('./commands/token.ts')).addTokenCommand],
  ['tenant', async () => (await import('./commands/tenant.ts')).addTenantCommand],
  ['usage', async () => (await import('./commands/usage.ts')).addUsageCommand],
  ['audit', async () => (await import('./commands/audit.ts')).addAuditCommand],
  ['identity', async () => (await import('./commands/identity.ts')).addIdentityCommand],
  ['db', async () => (await import('./commands/db.ts')).addDbCommand],
  ['service', async () => (await import('./commands/service.ts')).addServiceCommand],
  ['completion', async () => (await import('./commands/completion.ts')).addCompletionCommand]
])

// Other users of this machine see the arguments of its processes, and one may be a topic key.
const [, , command = '', service = ''] = process.argv
process.title = command === 'service' ? `haif service ${service}` : `haif ${command}`

const program = new Command('haif')
  .description('one private AI cloud from the machines you own')
  .version(VERSION)
  .showHelpAfterError('(haif --help lists the commands)')
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : EXIT_CODES.usage))

process.argv.splice(2, 1, ...otherWords(process.argv[2]))

try {
  const asked = COMMANDS.get(process.argv[2] ?? '')
  const needsAll = asked === undefined || process.argv[2] === 'completion'
  const loads = needsAll ? COMMANDS.values() : [asked]
  for (const load of loads) (await load())(program)
  await program.parseAsync()
} catch (error) {
  // An argument that only its command can read is refused like one that the parser reads.
  if (error instanceof CommanderError) program.error(`error: ${error.message}`)
  reportFailure(error)
  process.exit(exitCodeOf(error))
}
