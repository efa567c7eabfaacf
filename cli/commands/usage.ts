/** `haif usage`: requests and tokens, with a bar for each. */
import process from 'node:process'
import { InvalidArgumentError, Option, type Command } from 'commander'
import {
  readUsage,
  verifyUsage,
  type UsageGroup,
  type UsageQuery,
  type UsageReport,
  type VerifyUsage,
  type UsageRow
} from '#shared/contracts/access/access.ts'
import { askGateway, line, print, type CommonOptions } from '../ask/gateway-call.ts'
import { heading, table, type Cell } from '../screen/table.ts'
import { screenOf, shortKey, type Screen } from '../screen/terminal.ts'
import { TOPIC_KEY } from './options/options.ts'

const BAR_CHARACTERS = 24
const GROUPS: readonly UsageGroup[] = ['model', 'token', 'worker', 'day', 'tenant']

interface UsageOptions extends CommonOptions {
  by: UsageGroup
  from?: number
  to?: number
  tenant?: string
}

export function addUsageCommand(program: Command): void {
  program
    .command('usage')
    .description('show what was used')
    .addOption(new Option('--by <what>', 'what to sum up by').choices(GROUPS).default('model'))
    .option('--from <date>', 'from then on, as 2026-11-21', readDate)
    .option('--to <date>', 'until before then', readDate)
    .option('--tenant <name>', 'of one tenant alone')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(usage)
    .command('verify')
    .description('find out whether the books say what the workers have signed')
    .option('--from <date>', 'from then on, as 2026-11-21', readDate)
    .option('--to <date>', 'until before then', readDate)
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(verify)
}

async function verify(
  _options: unknown,
  command: Command // options that both commands have may stand before its name
): Promise<void> {
  const options: CommonOptions & Pick<UsageOptions, 'from' | 'to'> = command.optsWithGlobals()
  const { from, to } = options
  const query: VerifyUsage = {}
  if (from !== undefined) query.from = from
  if (to !== undefined) query.to = to
  const report = await askGateway(verifyUsage, query, options)
  print(report, renderReport(report), options)
  if (report.problemsFound > 0) process.exitCode = 1
}

function renderReport({ rows, receipts, before, problems, problemsFound }: UsageReport): string[] {
  const older = before === 0 ? '' : `; ${count(before)} are older than receipts`
  if (problemsFound === 0) {
    return [`${count(rows)} answers agree with ${count(receipts)} receipts${older}`]
  }
  const told = problems.map(
    ({ requestId, problem }) => `request ${line(requestId)}: ${line(problem)}`
  )
  const more = problemsFound - problems.length
  if (more > 0) told.push(`and ${count(more)} more`)
  return [...told, `${count(problemsFound)} disagreements in ${count(rows)} answers${older}`]
}

async function usage(options: UsageOptions): Promise<void> {
  const { by, from, to, tenant } = options
  const query: UsageQuery = { groupBy: by }
  if (from !== undefined) query.from = from
  if (to !== undefined) query.to = to
  if (tenant !== undefined) query.tenant = tenant
  const found = await askGateway(readUsage, query, options)
  print(found, renderUsage(found.rows, by, screenOf(process.stdout)), options)
}

function renderUsage(rows: readonly UsageRow[], by: UsageGroup, screen: Screen): string[] {
  if (rows.length === 0) return ['nothing was used']
  const most = Math.max(1, ...rows.map(tokensOf))
  const hasStopped = rows.some(({ stopped = 0 }) => stopped > 0)
  const hasFailed = rows.some(({ errors }) => errors > 0)
  const head: Cell[] = [by.toUpperCase(), '', 'TOKENS', 'PROMPT', 'CACHED', 'ANSWERS', 'REQUESTS']
    .concat(hasStopped || hasFailed ? ['STOPPED'] : [], hasFailed ? ['FAILED'] : [])
    .map((text) => ({ text: heading(text, { ...screen, color: false }), format: 'dim' }))
  const lines = rows.map((row): Cell[] => [
    { text: by === 'worker' ? shortKey(row.key) : line(row.key), format: 'bold' },
    { text: bar(tokensOf(row) / most), format: 'cyan' },
    { text: count(tokensOf(row)) },
    { text: count(row.promptTokens) },
    { text: count(row.cachedPromptTokens) },
    { text: count(row.completionTokens) },
    { text: count(row.requests) },
    { text: (row.stopped ?? 0) > 0 ? count(row.stopped!) : '' },
    { text: row.errors > 0 ? count(row.errors) : '', format: 'red' }
  ])
  return table([head, ...lines], screen, '')
}

const tokensOf = ({ promptTokens, completionTokens }: UsageRow): number =>
  promptTokens + completionTokens
const count = (value: number): string => value.toLocaleString('en')

function bar(part: number): string {
  const full = Math.round(part * BAR_CHARACTERS)
  return `${'█'.repeat(full)}${'░'.repeat(BAR_CHARACTERS - full)}`
}

function readDate(text: string): number {
  const time = Date.parse(text)
  if (!Number.isNaN(time)) return time
  throw new InvalidArgumentError('It must be a date such as 2026-11-21.')
}
