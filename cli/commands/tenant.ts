/** `haif tenant`: whom requests are charged to, their limits and their share of the queue. */
import process from 'node:process'
import type { Command } from 'commander'
import {
  deleteTenant,
  patchTenant,
  type PatchTenant,
  listTenants,
  setTenant,
  type TenantEntry
} from '#shared/contracts/access/access.ts'
import { nearName } from '#shared/kit/near-name.ts'
import { confirm } from '../ask/confirm.ts'
import { askGateway, line, print, type CommonOptions } from '../ask/gateway-call.ts'
import {
  addLimitOptions,
  CLEARABLE,
  describeLimits,
  describeUse,
  limitsOf,
  readClear,
  type LimitOptions
} from './options/limit-options.ts'
import { decimalNumber, oneOf, TOPIC_KEY, wholeNumber } from './options/options.ts'
import { noteUnknownModels } from '../ask/note-models.ts'
import { table } from '../screen/table.ts'
import { screenOf } from '../screen/terminal.ts'

export function addTenantCommand(program: Command): void {
  const tenant = program.command('tenant').description('limits and weights of tenants')
  const set = tenant
    .command('set <name>')
    .description('make a tenant, or change some of its limits')
  addLimitOptions(set)
    .option('--clear <limits>', `lift some: ${CLEARABLE}`, readClear)
    .option('--keep-days <n>', 'keep details of requests so long; 0: not', wholeNumber(0, 3650))
    .option('--keep-prompts <yes|no>', 'keep prompts and answers with them', oneOf(['yes', 'no']))
    .option('--weight <w>', 'share of the queue; 1 is usual', decimalNumber(0.01, 100))
    .option('--yes', 'ask nothing')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(async (id: string, options: SetOptions) => {
      const entry = await setLimits(id, options)
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

interface SetOptions extends CommonOptions, LimitOptions {
  clear?: Record<string, null>
  keepDays?: number
  keepPrompts?: 'yes' | 'no'
  yes?: true
}

/** A tenant that there is keeps what is not said; one that there is not is made. */
async function setLimits(id: string, options: SetOptions): Promise<TenantEntry> {
  const { clear = {}, keepDays, keepPrompts } = options
  const { tenants } = await askGateway(listTenants, {}, options)
  const known = tenants.find((tenant) => tenant.id === id)
  if (known === undefined) {
    const near = nearName(
      id,
      tenants.map((tenant) => tenant.id)
    )
    if (near !== undefined) {
      const says = [`${id} is a new tenant, and no limit of ${near} holds for it`]
      const question = `Did you mean ${near}? Make ${id} in any case?`
      await confirm({ says, question, yes: options.yes === true })
    }
    await askGateway(setTenant, { id, limits: {} }, options)
  }
  const patch: PatchTenant = { id, limits: { ...limitsOf(options), ...clear } }
  if (keepDays !== undefined) patch.keepRequestsDays = keepDays
  if (keepPrompts !== undefined) patch.keepPrompts = keepPrompts === 'yes'
  await noteUnknownModels(limitsOf(options), options)
  const entry = await askGateway(patchTenant, patch, options)
  if (known !== undefined) {
    process.stderr.write(`before: ${line(describeLimits(known.limits))}\n`)
  }
  return entry
}

function rows(tenants: readonly TenantEntry[]): string[] {
  const cells = tenants.map(({ id, tokens, limits, use }) => [
    { text: id, format: 'bold' as const },
    { text: `${tokens} token${tokens === 1 ? '' : 's'}` },
    { text: line(describeLimits(limits)) },
    { text: describeUse(use), format: 'dim' as const }
  ])
  return table(cells, screenOf(process.stdout), '')
}
