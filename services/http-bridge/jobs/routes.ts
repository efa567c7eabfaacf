/** `/v1/jobs`: submit, list, read, cancel, archive, resume. */
import type { FastifyInstance } from 'fastify'
import { Compile } from '#shared/validator.ts'
import {
  gatewayChangeJob,
  gatewayGetJob,
  gatewayListJobs,
  gatewayListTasks,
  gatewaySubmitJob
} from '#shared/contracts/jobs/callers.ts'
import type { JobAct } from '#shared/contracts/jobs/methods.ts'
import { JOB_ID_PATTERN, JobAccepted, SubmitJob } from '#shared/contracts/jobs/submit.ts'
import {
  JobChanged,
  JobList,
  JobQuery,
  JobView,
  TaskList,
  TaskQuery
} from '#shared/contracts/jobs/views.ts'
import { HaifError } from '#shared/errors.ts'
import { readOptions } from '../http/request-headers.ts'
import { asValidation, checkBody } from '../http/validation.ts'
import { asking, type AdminDeps } from '../operators/admin.ts'
import { queryReader } from '../operators/query.ts'
import { fromSnake, snakeSchema, toSnake } from '../operators/snake-case.ts'
import { failures, replyBody, replySchema, security } from './bodies.ts'
import { withPlainTasks } from './graph-body.ts'

export interface ById {
  Params: { id: string }
}

const TENANT_HEADERS = ['x-haif-tenant', 'x-splai-tenant'] as const
const submitBody = Compile(snakeSchema(SubmitJob))
const readJobQuery = queryReader(JobQuery, ['from', 'to'])
const readTaskQuery = queryReader(TaskQuery)
const JOB_ID = new RegExp(JOB_ID_PATTERN)

/** What is no id is the id of no job. */
export function jobIdIn({ params: { id } }: { params: { id: string } }): string {
  if (JOB_ID.test(id)) return id
  throw new HaifError('NOT_FOUND', `there is no job ${id.slice(0, 64)}`)
}

export function jobRoutes(app: FastifyInstance, deps: AdminDeps): void {
  const ask = asking(deps)
  app.post<{ Body: object }>(
    '/v1/jobs',
    {
      schema: submitSchema,
      validatorCompiler: ({ httpPart }) =>
        httpPart === 'body'
          ? asValidation((body) => checkBody(submitBody, withPlainTasks(body)))
          : () => true
    },
    async (request, reply) => {
      const job = fromSnake(SubmitJob, request.body) as SubmitJob
      const named = TENANT_HEADERS.map((name) => request.headers[name]).find(Boolean)
      if (job.tenant === undefined && typeof named === 'string') job.tenant = named
      const { idempotencyKey } = readOptions(request.headers)
      const wish = idempotencyKey === undefined ? { job } : { job, idempotencyKey }
      const accepted = await ask({ request, reply }, gatewaySubmitJob, wish)
      reply.header('location', `/v1/jobs/${accepted.jobId}`)
      return reply.code(202).send(toSnake(JobAccepted, accepted))
    }
  )
  app.get('/v1/jobs', { schema: listSchema }, async (request, reply) => {
    const page = await ask({ request, reply }, gatewayListJobs, readJobQuery(request.query))
    return replyBody(JobList, page)
  })
  app.get<ById>('/v1/jobs/:id', describe('Read a job', JobView), async (request, reply) => {
    const job = await ask({ request, reply }, gatewayGetJob, { jobId: jobIdIn(request) })
    return replyBody(JobView, job)
  })
  app.get<ById>('/v1/jobs/:id/tasks', { schema: tasksSchema }, async (request, reply) => {
    const wish = { jobId: jobIdIn(request), query: readTaskQuery(request.query) }
    return replyBody(TaskList, await ask({ request, reply }, gatewayListTasks, wish))
  })
  changeRoutes(app, deps)
}

function changeRoutes(app: FastifyInstance, deps: AdminDeps): void {
  const ask = asking(deps)
  const route = (method: 'POST' | 'DELETE', url: string, act: JobAct, summary: string) =>
    app.route<ById>({
      method,
      url,
      ...describe(summary, JobChanged),
      handler: async (request, reply) => {
        const wish = { jobId: jobIdIn(request), act }
        return toSnake(JobChanged, await ask({ request, reply }, gatewayChangeJob, wish))
      }
    })
  route('DELETE', '/v1/jobs/:id', 'cancel', 'Cancel a job; what runs of it is aborted')
  route('POST', '/v1/jobs/:id/archive', 'archive', 'Put an ended job away')
  route('POST', '/v1/jobs/:id/resume', 'resume', 'Run what has failed of a job again')
}

const submitSchema = {
  operationId: 'submitJob',
  tags: ['jobs'],
  summary: 'Submit a job',
  description:
    'Answers as soon as the job is kept. With an `Idempotency-Key` a repeated submission gets the ' +
    'same job. Without `tasks` the `input` is planned: `template` makes split, embed and summarize ' +
    'of an analysis and a single inference of anything else; `hybrid` summarizes parts on several ' +
    'workers and merges them; `llm_planner` asks a model. Tasks may also be written with the names ' +
    'of SPLAI: `task_id`, `inputs`, `timeout_sec`, `max_retries`, `resources`.',
  security,
  body: snakeSchema(SubmitJob),
  response: { 202: snakeSchema(JobAccepted), ...failures }
}

const listSchema = {
  operationId: 'listJobs',
  tags: ['jobs'],
  summary: 'List jobs, the newest first',
  description:
    '`status`, `type`, `priority`, `tenant`, `from` and `to` (dates) choose; `limit` and `cursor` ' +
    '(the `next_cursor` of the page before) turn pages.',
  security,
  response: { 200: replySchema(JobList), ...failures }
}

const tasksSchema = {
  operationId: 'listTasks',
  tags: ['jobs'],
  summary: 'Read the tasks of a job',
  description: '`status`, `worker_id`, `limit` and `offset` choose.',
  security,
  response: { 200: replySchema(TaskList), ...failures }
}

function describe(summary: string, answer: Parameters<typeof replySchema>[0]) {
  return {
    schema: {
      tags: ['jobs'],
      summary,
      security,
      response: { 200: replySchema(answer), ...failures }
    }
  }
}
