/** `GET /v1/usage`: the usage of the caller's tenant, or of all tenants for operators. */
import type { FastifyInstance } from 'fastify'
import { readUsage, UsageQuery, UsageReply, UsageRow } from '#shared/contracts/access/access.ts'
import { ErrorBody } from '#shared/contracts/http/error.ts'
import { sendCsv, takeFormat } from './csv.ts'
import { queryReader } from './query.ts'
import { snakeSchema, toSnake } from './snake-case.ts'
import { asking, type AdminDeps } from './admin.ts'

const readUsageQuery = queryReader(UsageQuery, ['from', 'to'])

export function usageRoute(app: FastifyInstance, deps: AdminDeps): void {
  const ask = asking(deps)
  const schema = {
    operationId: 'readUsage',
    tags: ['usage'],
    summary: 'Requests and tokens, summed up',
    description:
      '`group_by`: model, token, worker, day or tenant; `from` and `to`: dates; ' +
      '`format=csv` for a table.',
    security: [{ token: [] }],
    response: { 200: snakeSchema(UsageReply), 401: ErrorBody, 403: ErrorBody }
  }
  app.get('/v1/usage', { schema }, async (request, reply) => {
    const { wantsCsv, query } = takeFormat(request.query)
    const wanted = readUsageQuery(query)
    const usage = await ask({ request, reply }, readUsage, wanted)
    return wantsCsv ? sendCsv(reply, UsageRow, usage.rows) : toSnake(UsageReply, usage)
  })
}
