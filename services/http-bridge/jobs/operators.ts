/** `/v1/admin/queue/dead-letter` and `/v1/admin/policy`, for operators. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import {
  gatewayDeadLetters,
  gatewayExplainPolicy,
  gatewayGetPolicy,
  gatewayRequeue,
  gatewaySetPolicy
} from '#shared/contracts/jobs/callers.ts'
import {
  DeadLetter,
  DeadLetterList,
  DeadLetterQuery,
  RequeueDeadLetters,
  RequeueReport
} from '#shared/contracts/jobs/dead-letters.ts'
import {
  GetPolicy,
  PolicyExplanation,
  PolicyVersion,
  SetPolicy
} from '#shared/contracts/jobs/policy.ts'
import { HaifError } from '#shared/errors.ts'
import { asking, type AdminDeps } from '../operators/admin.ts'
import { sendCsv, takeFormat } from '../operators/csv.ts'
import { queryReader } from '../operators/query.ts'
import { fromSnake, snakeSchema, toSnake } from '../operators/snake-case.ts'
import { failures, replyBody, replySchema, security } from './bodies.ts'
import { jobIdIn, type ById } from './routes.ts'

const DEAD_LETTERS = '/v1/admin/queue/dead-letter'
const CONFIRM_HEADERS = ['x-haif-confirm', 'x-splai-confirm'] as const
const readDeadQuery = queryReader(DeadLetterQuery, ['from', 'to'])
const readPolicyQuery = queryReader(GetPolicy)

export function jobOperatorRoutes(app: FastifyInstance, deps: AdminDeps): void {
  const ask = asking(deps)
  app.get(DEAD_LETTERS, { schema: listSchema }, async (request, reply) => {
    const { wantsCsv, query } = takeFormat(request.query)
    const page = await ask({ request, reply }, gatewayDeadLetters, readDeadQuery(query))
    return wantsCsv ? sendCsv(reply, DeadLetter, page.tasks) : replyBody(DeadLetterList, page)
  })
  app.post(DEAD_LETTERS, { schema: requeueSchema }, async (request, reply) => {
    const wish = fromSnake(RequeueDeadLetters, request.body) as RequeueDeadLetters
    const confirms = confirmed(request)
    const asked = confirms === undefined ? { wish } : { wish, confirms }
    return toSnake(RequeueReport, await ask({ request, reply }, gatewayRequeue, asked))
  })
  policyRoutes(app, deps)
}

function policyRoutes(app: FastifyInstance, deps: AdminDeps): void {
  const ask = asking(deps)
  app.get('/v1/admin/policy', { schema: getSchema }, async (request, reply) =>
    replyBody(
      PolicyVersion,
      await ask({ request, reply }, gatewayGetPolicy, readPolicyQuery(request.query))
    )
  )
  app.put('/v1/admin/policy', { schema: setSchema }, async (request, reply) => {
    const wish = fromSnake(SetPolicy, request.body) as SetPolicy
    return replyBody(PolicyVersion, await ask({ request, reply }, gatewaySetPolicy, wish))
  })
  app.get<ById>(
    '/v1/admin/policy/explain/:id',
    { schema: explainSchema },
    async (request, reply) => {
      const wish = { jobId: jobIdIn(request) }
      return toSnake(PolicyExplanation, await ask({ request, reply }, gatewayExplainPolicy, wish))
    }
  )
}

function confirmed({ headers }: FastifyRequest): number | undefined {
  const name = CONFIRM_HEADERS.find((each) => headers[each] !== undefined)
  if (name === undefined) return undefined
  const count = Number(headers[name])
  if (Number.isInteger(count) && count >= 0) return count
  throw new HaifError('VALIDATION_FAILED', `${name} must be the number of tasks to requeue`, {
    details: { param: name }
  })
}

const described = (summary: string, description: string) => ({
  tags: ['admin'],
  summary,
  description,
  security
})

const listSchema = {
  ...described(
    'List dead letters, the newest first',
    'Tasks that have used up their attempts. `tenant`, `job_id`, `type`, `reason`, `worker`, `from` ' +
      'and `to` choose; `limit` and `offset` turn pages; `format=csv` for a table.'
  ),
  response: { 200: replySchema(DeadLetterList), ...failures }
}

const requeueSchema = {
  ...described(
    'Requeue dead letters',
    'Either `tasks` or a `filter`, at most 100 at a time; `dry_run` tells what would be requeued. ' +
      'More than 20 have to be confirmed with the header `X-HAIF-Confirm: <their number>`.'
  ),
  body: snakeSchema(RequeueDeadLetters),
  response: { 200: snakeSchema(RequeueReport), ...failures }
}

const getSchema = {
  ...described('Read the policy', 'The one in force, or `?version=`.'),
  response: { 200: replySchema(PolicyVersion), ...failures }
}

const setSchema = {
  ...described(
    'Set the policy',
    'YAML, checked as a whole; it holds from now on. `if_version` refuses it where somebody else was ' +
      'faster, `dry_run` only checks.'
  ),
  body: snakeSchema(SetPolicy),
  response: { 200: replySchema(PolicyVersion), ...failures }
}

const explainSchema = {
  ...described('Explain what the policy says of a job', 'Which rule decides, for each worker too.'),
  response: { 200: snakeSchema(PolicyExplanation), ...failures }
}
