/** Each act has words of `haif`; its address is checked in isolation.test.ts. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Command } from 'commander'
import { ACTS } from '#shared/contracts/http/admin/acts.ts'
import { addAuditCommand } from '../../../cli/commands/audit.ts'
import { addInferCommand } from '../../../cli/commands/infer.ts'
import { addJoinCommand } from '../../../cli/commands/join.ts'
import { addFnCommand } from '../../../cli/commands/functions/fn.ts'
import { addRunsCommand } from '../../../cli/commands/functions/runs.ts'
import { addJobsCommand } from '../../../cli/commands/jobs/jobs.ts'
import { addPolicyCommand } from '../../../cli/commands/jobs/policy.ts'
import { addInviteCommand } from '../../../cli/commands/members/invite.ts'
import { addMeshCommand } from '../../../cli/commands/members/mesh.ts'
import { addApproveCommand, addPeersCommand } from '../../../cli/commands/members/peers.ts'
import { addModelsCommand } from '../../../cli/commands/operating/models.ts'
import { addRequestsCommand } from '../../../cli/commands/operating/requests.ts'
import { addSettingsCommand } from '../../../cli/commands/operating/settings.ts'
import { addWorkersCommand } from '../../../cli/commands/operating/workers.ts'
import { addStatusCommand } from '../../../cli/commands/status.ts'
import { addTenantCommand } from '../../../cli/commands/tenant.ts'
import { addTokenCommand } from '../../../cli/commands/token.ts'
import { addUsageCommand } from '../../../cli/commands/usage.ts'

const ADDERS = [
  addAuditCommand,
  addFnCommand,
  addInferCommand,
  addJoinCommand,
  addRunsCommand,
  addJobsCommand,
  addPolicyCommand,
  addInviteCommand,
  addMeshCommand,
  addApproveCommand,
  addPeersCommand,
  addModelsCommand,
  addRequestsCommand,
  addSettingsCommand,
  addWorkersCommand,
  addStatusCommand,
  addTenantCommand,
  addTokenCommand,
  addUsageCommand
]

/** The command that these words name, as far as they go. */
const commandOf = (words: readonly string[]): Command | undefined =>
  words.reduce<Command | undefined>(
    (command, word) => command?.commands.find((each) => each.name() === word),
    program
  )

const program = new Command()
for (const add of ADDERS) add(program)

test('each act of the API has words of the command line, and JSON for programs', () => {
  const missing = Object.entries(ACTS).flatMap(([act, { cli }]) => {
    const found = commandOf(cli.split(' '))
    if (found === undefined) return [`${act}: there is no haif ${cli}`]
    const hasJson = found.options.some(({ long }) => long === '--json')
    return hasJson ? [] : [`${act}: haif ${cli} has no --json`]
  })
  assert.deepEqual(missing, [])
})

test('every command that a page tells people to type is one, with options that it has', () => {
  const web = join(import.meta.dirname, '../../../web')
  const pages = readdirSync(web, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\/src\/.*\.tsx$/.test(file))
    .map((file) => readFileSync(join(web, file), 'utf8'))
  const told = pages.flatMap((text) =>
    [...text.matchAll(/command=(["'])haif (.*?)\1/g)].map(([, , command]) => command!)
  )
  assert.ok(told.length > 8, 'empty screens say what fills them')
  const wrong = told.filter((text) => {
    const words = text.replaceAll(/"[^"]*"/g, '…').split(' ')
    const length = words.findLastIndex((_word, i) => commandOf(words.slice(0, i + 1))) + 1
    const command = commandOf(words.slice(0, length))
    const options = words.filter((word) => word.startsWith('--'))
    return length === 0 || options.some((name) => !command!.options.some((o) => o.long === name))
  })
  assert.deepEqual(wrong, [])
})
