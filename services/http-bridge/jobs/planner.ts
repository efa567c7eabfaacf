/** `POST /v1/planner/compile`: the graph that a job would be, without running it. */
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { Compile } from '#shared/validator.ts'
import { gatewayCompileGraph } from '#shared/contracts/jobs/callers.ts'
import { CompileGraph, type SubmitJob } from '#shared/contracts/jobs/submit.ts'
import { asValidation, checkBody } from '../http/validation.ts'
import type { AdminDeps } from '../operators/admin.ts'
import { fromSnake, snakeSchema } from '../operators/snake-case.ts'
import { failures, security } from './bodies.ts'
import { CompiledTask, compiledTask, withPlainTasks } from './graph-body.ts'

/** A model of the mesh may be asked, twice. */
const COMPILE_MS_MAX = 120_000

const compileBody = Compile(snakeSchema(CompileGraph))
const Compiled = Type.Object({
  dag: Type.Object({ dag_id: Type.String(), tasks: Type.Array(CompiledTask) })
})

export function plannerRoute(app: FastifyInstance, { gateways, running }: AdminDeps): void {
  app.post<{ Body: object }>(
    '/v1/planner/compile',
    {
      schema: compileSchema,
      validatorCompiler: () => asValidation((body) => checkBody(compileBody, withPlainTasks(body)))
    },
    async (request, reply) => {
      const wish = fromSnake(CompileGraph, request.body) as CompileGraph
      const { jobId = request.id, mode = 'hybrid', ...asked } = wish
      const job: SubmitJob = { ...asked, plannerMode: mode }
      const context = running.enter(request, reply, COMPILE_MS_MAX)
      const { tasks } = await gateways.call(gatewayCompileGraph, { job }, context)
      return { dag: { dag_id: `${jobId}-dag`, tasks: tasks.map(compiledTask) } }
    }
  )
}

const compileSchema = {
  operationId: 'compileGraph',
  tags: ['jobs'],
  summary: 'Plan a job without running it',
  description: 'The graph that the job would be, checked; `POST /v1/jobs` takes its `tasks`.',
  security,
  body: snakeSchema(CompileGraph),
  response: { 200: Compiled, ...failures }
}
