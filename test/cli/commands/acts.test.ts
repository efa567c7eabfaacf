/** Each act of operators has words of `haif`; its address is checked in isolation.test.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Command } from 'commander'
import { ADMIN_ACTS } from '#shared/contracts/http/admin/acts.ts'
import { addAuditCommand } from '../../../cli/commands/audit.ts'
import { addInviteCommand } from '../../../cli/commands/members/invite.ts'
import { addMeshCommand } from '../../../cli/commands/members/mesh.ts'
import { addApproveCommand, addPeersCommand } from '../../../cli/commands/members/peers.ts'
import { addModelsCommand } from '../../../cli/commands/operating/models.ts'
import { addRequestsCommand } from '../../../cli/commands/operating/requests.ts'
import { addWorkersCommand } from '../../../cli/commands/operating/workers.ts'
import { addStatusCommand } from '../../../cli/commands/status.ts'
import { addTenantCommand } from '../../../cli/commands/tenant.ts'
import { addTokenCommand } from '../../../cli/commands/token.ts'

const ADDERS = [
  addAuditCommand,
  addInviteCommand,
  addMeshCommand,
  addApproveCommand,
  addPeersCommand,
  addModelsCommand,
  addRequestsCommand,
  addWorkersCommand,
  addStatusCommand,
  addTenantCommand,
  addTokenCommand
]

test('each act of an operator has words of the command line, and JSON for programs', () => {
  const program = new Command()
  for (const add of ADDERS) add(program)
  const missing = Object.entries(ADMIN_ACTS).flatMap(([act, { cli }]) => {
    const found = cli
      .split(' ')
      .reduce<Command | undefined>(
        (command, word) => command?.commands.find((each) => each.name() === word),
        program
      )
    if (found === undefined) return [`${act}: there is no haif ${cli}`]
    const hasJson = found.options.some(({ long }) => long === '--json')
    return hasJson ? [] : [`${act}: haif ${cli} has no --json`]
  })
  assert.deepEqual(missing, [])
})
