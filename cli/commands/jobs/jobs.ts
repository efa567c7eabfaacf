/** `haif jobs`: work that outlives this terminal. */
import process from 'node:process'
import type { Command } from 'commander'
import { parse } from 'yaml'
import {
  gatewayChangeJob,
  gatewayListJobs,
  gatewayListTasks,
  gatewaySubmitJob
} from '#shared/contracts/jobs/callers.ts'
import type { JobAct } from '#shared/contracts/jobs/methods.ts'
import { JOB_PRIORITIES, PLANNER_MODES, type SubmitJob } from '#shared/contracts/jobs/submit.ts'
import { JOB_STATES, type JobQuery } from '#shared/contracts/jobs/views.ts'
import { HaifError } from '#shared/errors.ts'
import { createContext } from '#shared/rpc/context.ts'
import { line, print, shortTime, withGateways, type CommonOptions } from '../../ask/gateway-call.ts'
import { readText } from '../../ask/read-text.ts'
import { jobNamed, pastOf, readJob } from '../../ask/job-events.ts'
import { placeText, renderJob, renderJobs } from '../../screen/render-jobs.ts'
import { screenOf } from '../../screen/terminal.ts'
import { collect, oneOf, TOPIC_KEY, wholeNumber } from '../options/options.ts'
import { addDeadLetterCommands } from './dead-letters.ts'
import { addWatchCommand, follow } from './watch.ts'

const ASK_MS_MAX = 30_000
/** The planner may ask a model first. */
const SUBMIT_MS_MAX = 120_000
const TASKS_SHOWN = 1000

export function addJobsCommand(program: Command): void {
  const jobs = program.command('jobs').description('durable work: submit, follow, look into it')
  addSubmitCommand(jobs)
  jobs
    .command('ls', { isDefault: true })
    .description('list jobs, the newest first')
    .option('--status <state>', JOB_STATES.join(', '), oneOf(JOB_STATES))
    .option('--type <type>', 'of one type')
    .option('--tenant <name>', 'of one tenant')
    .option('--limit <n>', 'how many', wholeNumber(1, 1000), 20)
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(list)
  jobs
    .command('show <job>')
    .description('a job, its tasks, where they ran, and its result')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(show)
  addWatchCommand(jobs)
  addChangeCommand(jobs, 'cancel', 'stop a job; what runs of it is aborted')
  addChangeCommand(jobs, 'resume', 'run what has failed of a job again; results are kept')
  addChangeCommand(jobs, 'archive', 'put an ended job away')
  jobs
    .command('logs <job>')
    .description('everything that has happened to a job')
    .option('--json', 'print a line of JSON for each event')
    .option(...TOPIC_KEY)
    .action(logs)
  addDeadLetterCommands(jobs)
}

interface SubmitOptions extends CommonOptions {
  file?: string
  document?: string[]
  type?: string
  model?: string
  priority?: SubmitJob['priority']
  planner?: SubmitJob['plannerMode']
  policy?: string
  tenant?: string
  classification?: string
  key?: string
  watch?: true
}

function addSubmitCommand(jobs: Command): void {
  jobs
    .command('submit')
    .description('submit a job: a text that is planned, or a file with its tasks')
    .argument('[input]', 'what is to be done')
    .option('--file <file>', 'the job as YAML or JSON, with its tasks; - reads it from the pipe')
    .option('--document <file>', 'a document to work on; repeatable', collect)
    .option('--type <type>', 'as batch_analysis')
    .option('--model <name>', 'the model; otherwise the policy or the mesh chooses')
    .option('--priority <class>', JOB_PRIORITIES.join(', '), oneOf(JOB_PRIORITIES))
    .option('--planner <mode>', PLANNER_MODES.join(', '), oneOf(PLANNER_MODES))
    .option('--policy <name>', 'a word that rules of the policy may match')
    .option('--tenant <name>', 'whose job it is')
    .option('--classification <word>', 'of the data, as confidential')
    .option('--key <text>', 'the same key submits the same job, however often')
    .option('--watch', 'follow it until it has ended')
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(submit)
}

async function submit(input: string | undefined, options: SubmitOptions): Promise<void> {
  const job = jobOf(input, options)
  await withGateways(options, async (client) => {
    using context = createContext({ timeoutMs: SUBMIT_MS_MAX })
    const wish = options.key === undefined ? { job } : { job, idempotencyKey: options.key }
    const accepted = await client.peers.call(gatewaySubmitJob, wish, context)
    if (options.watch !== true) {
      const next = `follow it with: haif jobs watch ${accepted.jobId.slice(0, 12)}`
      return print(accepted, [accepted.jobId, next], options)
    }
    if (options.json !== true) process.stderr.write(`${accepted.jobId}\n`)
    await follow(client, accepted.jobId, options)
  })
}

function jobOf(input: string | undefined, options: SubmitOptions): SubmitJob {
  const { file, document, type, model, priority, planner, policy, tenant, classification } = options
  const job = file === undefined ? {} : readJobFile(file)
  const documents = document?.map(readText)
  if (documents !== undefined)
    job.input = { ...(input === undefined ? {} : { prompt: input }), documents }
  else if (input !== undefined) job.input = input
  const given = {
    type,
    model,
    priority,
    plannerMode: planner,
    policy,
    tenant,
    dataClassification: classification
  }
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined) Object.assign(job, { [name]: value })
  }
  return job
}

/** The body of `POST /v1/jobs`. Names of its fields may be written as there or as in the mesh. */
function readJobFile(file: string): SubmitJob {
  const text = readText(file)
  let value: unknown
  try {
    value = parse(text)
  } catch (cause) {
    const message = `${file} cannot be read as YAML or JSON: ${(cause as Error).message}`
    throw new HaifError('VALIDATION_FAILED', message, { cause })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new HaifError('VALIDATION_FAILED', `${file} has no job: it needs "tasks:" or "input:"`)
  }
  const { tasks, ...fields } = camel(value)
  if (!Array.isArray(tasks)) return fields
  return { ...fields, tasks: tasks.map((task) => camel(task as object)) } as SubmitJob
}

/** Only the fields of a job and of a task: what is in an input keeps its names. */
function camel(value: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      inner
    ])
  )
}

type ListOptions = CommonOptions & JobQuery

async function list({ status, type, tenant, limit, ...options }: ListOptions): Promise<void> {
  const query: JobQuery = {}
  if (status !== undefined) query.status = status
  if (type !== undefined) query.type = type
  if (tenant !== undefined) query.tenant = tenant
  if (limit !== undefined) query.limit = limit
  await withGateways(options, async ({ peers }) => {
    using context = createContext({ timeoutMs: ASK_MS_MAX })
    const page = await peers.call(gatewayListJobs, query, context)
    const lines = renderJobs(page.jobs, screenOf(process.stdout), Date.now())
    if (page.nextCursor !== undefined) lines.push('there are more; --limit shows them')
    print(page, lines, options)
  })
}

async function show(name: string, options: CommonOptions): Promise<void> {
  await withGateways(options, async ({ peers }) => {
    const jobId = await jobNamed(peers, name)
    using context = createContext({ timeoutMs: ASK_MS_MAX })
    const job = await readJob(peers, jobId)
    const query = { limit: TASKS_SHOWN }
    const { tasks } = await peers.call(gatewayListTasks, { jobId, query }, context)
    print({ job, tasks }, renderJob(job, tasks, screenOf(process.stdout)), options)
  })
}

function addChangeCommand(jobs: Command, act: JobAct, description: string): void {
  jobs
    .command(`${act} <job>`)
    .description(description)
    .option('--json', 'print JSON')
    .option(...TOPIC_KEY)
    .action(async (name: string, options: CommonOptions) => {
      await withGateways(options, async ({ peers }) => {
        const jobId = await jobNamed(peers, name)
        using context = createContext({ timeoutMs: ASK_MS_MAX })
        const changed = await peers.call(gatewayChangeJob, { jobId, act }, context)
        print(changed, [`${jobId} is ${changed.status}`], options)
      })
    })
}

async function logs(name: string, options: CommonOptions): Promise<void> {
  await withGateways(options, async ({ peers }) => {
    const jobId = await jobNamed(peers, name)
    using context = createContext({ timeoutMs: ASK_MS_MAX })
    for await (const event of pastOf(peers, jobId, context)) {
      if (options.json === true) process.stdout.write(`${JSON.stringify(event)}\n`)
      else if (event.event === 'task.update') {
        const { updatedAt, taskId, status, attempt, workerId, error, waitingFor } = event.data
        const isOut = status !== 'Queued' // before and after, its last worker has no part in it
        const where = workerId === undefined || !isOut ? '' : ` on ${placeText(workerId)}`
        const why = error ?? (waitingFor === undefined ? '' : `waits: ${waitingFor}`)
        const tries = attempt > 1 && isOut ? ` (attempt ${attempt})` : ''
        const text = `${line(taskId)} ${status}${tries}${where}  ${line(why)}`.trimEnd()
        process.stdout.write(`${secondOf(updatedAt)}  ${text}\n`)
      } else if (event.event !== 'job.snapshot' && event.event !== 'task.output') {
        const { updatedAt, status, message = '' } = event.data
        process.stdout.write(
          `${secondOf(updatedAt)}  job ${status}  ${line(message)}`.trimEnd() + '\n'
        )
      }
    }
  })
}

/** In the time of this machine. */
const secondOf = (ms: number): string =>
  `${shortTime(ms)}:${String(new Date(ms).getSeconds()).padStart(2, '0')}`
