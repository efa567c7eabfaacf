/** `haif jobs dead` and `haif jobs requeue`: tasks that have used up their attempts. */
import process from 'node:process'
import type { Command } from 'commander'
import { gatewayDeadLetters, gatewayRequeue } from '#shared/contracts/jobs/callers.ts'
import {
  REQUEUE_CONFIRM_OVER,
  type DeadLetter,
  type DeadLetterFilter,
  type RequeueDeadLetters
} from '#shared/contracts/jobs/dead-letters.ts'
import { TASK_TYPES, type TaskType } from '#shared/contracts/jobs/graph.ts'
import { HaifError } from '#shared/errors.ts'
import { askGateway, line, print, shortTime, type CommonOptions } from '../../ask/gateway-call.ts'
import { placeText } from '../../screen/render-jobs.ts'
import { table, type Cell } from '../../screen/table.ts'
import { screenOf } from '../../screen/terminal.ts'
import { oneOf, TOPIC_KEY, wholeNumber } from '../options/options.ts'

interface FilterOptions extends CommonOptions {
  tenant?: string
  type?: TaskType
  reason?: string
  worker?: string
}

export function addDeadLetterCommands(jobs: Command): void {
  withFilter(jobs.command('dead').description('tasks that have used up their attempts'))
    .option('--limit <n>', 'how many', wholeNumber(1, 1000), 50)
    .action(list)
  withFilter(
    jobs
      .command('requeue')
      .description('run dead letters again: those named, or those that the options choose')
      .argument('[tasks...]', 'as job-…/task')
  )
    .option('--all', 'without another choice: the oldest, at most 100')
    .option('--dry-run', 'only say which')
    .option('--yes', `confirm more than ${REQUEUE_CONFIRM_OVER}`)
    .action(requeue)
}

const withFilter = (command: Command): Command =>
  command
    .option('--tenant <name>', 'of one tenant')
    .option('--type <type>', TASK_TYPES.join(', '), oneOf(TASK_TYPES))
    .option('--reason <code>', 'as WORKER_LOST')
    .option('--worker <key>', 'whose last attempt was there')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)

function filterOf({ tenant, type, reason, worker }: FilterOptions): DeadLetterFilter {
  const filter: DeadLetterFilter = {}
  if (tenant !== undefined) filter.tenant = tenant
  if (type !== undefined) filter.type = type
  if (reason !== undefined) filter.reason = reason
  if (worker !== undefined) filter.worker = worker
  return filter
}

async function list(options: FilterOptions & { limit: number }): Promise<void> {
  const query = { ...filterOf(options), limit: options.limit }
  const page = await askGateway(gatewayDeadLetters, query, options)
  const { tasks, total } = page
  const lines =
    tasks.length === 0 ? ['no dead letters'] : table(tasks.map(cells), screenOf(process.stdout), '')
  if (tasks.length < total) lines.push(`${tasks.length} of ${total}; --limit shows more`)
  print(page, lines, options)
}

const cells = (dead: DeadLetter): Cell[] => [
  { text: shortTime(dead.deadAt) },
  { text: `${dead.jobId}/${line(dead.taskId)}`, format: 'bold' },
  { text: dead.type },
  { text: `${dead.attempts} attempt${dead.attempts === 1 ? '' : 's'}` },
  { text: dead.lastWorker === undefined ? '' : placeText(dead.lastWorker) },
  { text: line(dead.reason), format: 'red' },
  { text: line(dead.message) }
]

interface RequeueOptions extends FilterOptions {
  all?: true
  dryRun?: true
  yes?: true
}

async function requeue(names: readonly string[], options: RequeueOptions): Promise<void> {
  const wish = wishOf(names, options)
  const trial = await askGateway(gatewayRequeue, { wish: { ...wish, dryRun: true } }, options)
  if (options.dryRun === true) return say(trial, 'would run again', options)
  if (trial.requeued > REQUEUE_CONFIRM_OVER && options.yes !== true) {
    throw new HaifError(
      'VALIDATION_FAILED',
      `this would run ${trial.requeued} tasks again; --dry-run shows which, --yes confirms it`
    )
  }
  const report = await askGateway(gatewayRequeue, { wish, confirms: trial.requeued }, options)
  say(report, 'run again', options)
}

function wishOf(names: readonly string[], options: RequeueOptions): RequeueDeadLetters {
  const filter = filterOf(options)
  const chooses = Object.keys(filter).length > 0 || options.all === true
  if (names.length > 0 === chooses) {
    throw new HaifError(
      'VALIDATION_FAILED',
      'name tasks as job-…/task, or choose them with --all or another option'
    )
  }
  if (names.length === 0) return { filter }
  return {
    tasks: names.map((name) => {
      const [jobId = '', taskId = ''] = name.split('/', 2)
      if (taskId !== '') return { jobId, taskId }
      throw new HaifError('VALIDATION_FAILED', `${name} is no task: write job-…/task`)
    })
  }
}

interface Requeued {
  requeued: number
  tasks: readonly { jobId: string; taskId: string }[]
  unknown: readonly { jobId: string; taskId: string }[]
}

function say(report: Requeued, what: string, options: CommonOptions): void {
  const name = ({ jobId, taskId }: { jobId: string; taskId: string }) => `${jobId}/${line(taskId)}`
  const lines = [
    `${report.requeued} task${report.requeued === 1 ? '' : 's'} ${what}`,
    ...report.tasks.map((task) => `  ${name(task)}`),
    ...report.unknown.map((task) => `  no dead letter: ${name(task)}`)
  ]
  print(report, lines, options)
}
