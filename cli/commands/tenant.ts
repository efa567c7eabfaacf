/** `haif tenant`: whom requests are charged to, their limits and their share of the queue. */
import process from 'node:process'
import type { Command } from 'commander'
import {
  deleteTenant,
  listTenants,
  setTenant,
  type TenantEntry
} from '#shared/contracts/access/access.ts'
import { askGateway, line, print, type CommonOptions } from '../ask/gateway-call.ts'
import {
  addLimitOptions,
  describeLimits,
  limitsOf,
  type LimitOptions
} from './options/limit-options.ts'
import { decimalNumber, TOPIC_KEY } from './options/options.ts'
import { table } from '../screen/table.ts'
import { screenOf } from '../screen/terminal.ts'

export function addTenantCommand(program: Command): void {
  const tenant = program.command('tenant').description('limits and weights of tenants')
  const set = tenant.command('set <name>').description('make a tenant, or replace all its limits')
  addLimitOptions(set)
    .option('--weight <w>', 'share of the queue; 1 is usual', decimalNumber(0.01, 100))
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(async (id: string, options: CommonOptions & LimitOptions) => {
      const entry = await askGateway(setTenant, { id, limits: limitsOf(options) }, options)
      print(entry, rows([entry]), options)
    })
  tenant
    .command('ls')
    .description('list tenants')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(async (options: CommonOptions) => {
      const found = await askGateway(listTenants, {}, options)
      print(found, found.tenants.length === 0 ? ['no tenants'] : rows(found.tenants), options)
    })
  tenant
    .command('rm <name>')
    .description('delete a tenant that has no tokens')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(async (id: string, options: CommonOptions) => {
      const entry = await askGateway(deleteTenant, { id }, options)
      print(entry, [`tenant ${entry.id} is deleted`], options)
    })
}

function rows(tenants: readonly TenantEntry[]): string[] {
  const cells = tenants.map(({ id, tokens, limits }) => [
    { text: id, format: 'bold' as const },
    { text: `${tokens} token${tokens === 1 ? '' : 's'}` },
    { text: line(describeLimits(limits)) }
  ])
  return table(cells, screenOf(process.stdout), '')
}
