/** `haif audit`: who has changed what, and whether the record of it is whole. */
import process from 'node:process'
import type { Command } from 'commander'
import {
  listAudit,
  verifyAudit,
  type AuditEvent,
  type AuditQuery
} from '#shared/contracts/access/access.ts'
import { askGateway, line, print, shortTime, type CommonOptions } from '../ask/gateway-call.ts'
import { actorText } from '../ask/actor-text.ts'
import { wholeNumber } from './options/options.ts'
import { table, type Cell } from '../screen/table.ts'
import { screenOf } from '../screen/terminal.ts'
import { TOPIC_KEY } from './options/options.ts'

const LIST_MAX = 1000

interface AuditOptions extends CommonOptions {
  tenant?: string
  action?: string
  actor?: string
  limit: number
}

export function addAuditCommand(program: Command): void {
  const audit = program.command('audit').description('who has changed what')
  audit
    .command('ls', { isDefault: true })
    .description('list the events, the newest first')
    .option('--tenant <name>', 'of one tenant; "mesh" for what concerns none')
    .option('--action <name>', 'as token.create')
    .option('--actor <id>', 'done with that token')
    .option('--limit <n>', 'how many', wholeNumber(1, LIST_MAX), 50)
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(list)
  audit
    .command('verify')
    .description('find out whether an event was changed, removed or moved')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(verify)
}

async function list(options: AuditOptions): Promise<void> {
  const { tenant, action, actor, limit } = options
  const query: AuditQuery = { limit }
  if (tenant !== undefined) query.tenant = tenant
  if (action !== undefined) query.action = action
  if (actor !== undefined) query.actor = actor
  const page = await askGateway(listAudit, query, options)
  const { events, total } = page
  const lines =
    events.length === 0
      ? ['no events']
      : table(events.map(cellsBy(actorText(options))), screenOf(process.stdout), '')
  if (events.length < total) lines.push(`${events.length} of ${total}; --limit shows more`)
  print(page, lines, options)
}

const cellsBy =
  (by: (actor: string) => string) =>
  (event: AuditEvent): Cell[] => {
    const { at, chain, seq, actor, action, target, result } = event
    return [
      { text: shortTime(at) },
      { text: `${line(chain)} ${seq}` },
      { text: line(action), format: 'bold' },
      { text: line(target) },
      { text: `by ${by(actor)}` },
      result === 'ok' ? { text: '' } : { text: result, format: 'red' }
    ]
  }

async function verify(options: CommonOptions): Promise<void> {
  const report = await askGateway(verifyAudit, {}, options)
  const { events, chains, problems } = report
  const whole = `${events} events in ${chains} chains are whole and signed`
  const lines =
    problems.length === 0
      ? [whole]
      : problems.map(({ chain, seq, problem }) => `${line(chain)}: event ${seq} ${line(problem)}`)
  print(report, lines, options)
  if (problems.length > 0) process.exitCode = 1
}
