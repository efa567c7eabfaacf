/** `/spl`: the paths of SPLime's server, for its clients, which poll. It tells no source. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Readable } from 'node:stream'
import { Type, type Static } from 'typebox'
import {
  gatewayDescribeObject,
  gatewayGetRun,
  gatewayListLibraries,
  gatewayListObjects,
  gatewayListRuns,
  gatewayStartRun
} from '#shared/contracts/functions/callers.ts'
import { OBJECT_REF_PATTERN } from '#shared/contracts/functions/bundle.ts'
import { OFFLINE_POLICIES } from '#shared/contracts/functions/subject.ts'
import type { RunView, StartRun } from '#shared/contracts/functions/runs.ts'
import { gatewayReadArtifact } from '#shared/contracts/jobs/artifacts.ts'
import { gatewayChangeJob } from '#shared/contracts/jobs/callers.ts'
import { HaifError } from '#shared/errors.ts'
import { itemByItem } from '#shared/rpc/items.ts'
import { security } from '../jobs/bodies.ts'
import { jobIdIn, type ById } from '../jobs/routes.ts'
import { asking, type AdminDeps } from '../operators/admin.ts'
import {
  ourLibrary,
  splArtifacts,
  splDetail,
  splEvents,
  splLibrary,
  splObject,
  splRun,
  splSignature,
  splSource
} from './spl-views.ts'

const DOWNLOAD_MS_MAX = 86_400_000
const SECOND_MS = 1000
const REF = new RegExp(OBJECT_REF_PATTERN)
const Text = Type.Optional(Type.String({ maxLength: 128 }))

const StartBody = Type.Object({
  object: Type.String({ maxLength: 200 }),
  object_owner_id: Text,
  library: Text,
  version: Type.Optional(Type.Integer({ minimum: 1 })),
  version_id: Text,
  function: Text,
  target_machine_id: Text,
  kwargs: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  args: Type.Optional(Type.Array(Type.Unknown(), { maxItems: 64 })),
  output: Text,
  timeout_seconds: Type.Optional(Type.Number({ minimum: 1, maximum: 86_400 })),
  offline_policy: Type.Optional(Type.Enum(OFFLINE_POLICIES))
})
type StartBody = Static<typeof StartBody>

interface Asked {
  request: FastifyRequest
  reply: FastifyReply
}

const schema = (summary: string, body?: typeof StartBody) => ({
  schema: { tags: ['spl'], summary, security, ...(body === undefined ? {} : { body }) }
})

export function splRoutes(app: FastifyInstance, deps: AdminDeps): void {
  const ask = asking(deps)
  app.get('/spl/health', schema('Whether it answers'), async () => ({ status: 'ok' }))
  app.get('/spl/libraries', schema('List libraries'), async (request, reply) => {
    const { libraries } = await ask({ request, reply }, gatewayListLibraries, {})
    return libraries.map(splLibrary)
  })
  app.get('/spl/objects', schema('List objects'), async (request, reply) => {
    const { objects } = await ask({ request, reply }, gatewayListObjects, {})
    return objects.map(splObject)
  })
  app.get<{ Params: { owner: string; library: string } }>(
    '/spl/owners/:owner/libraries/:library/objects',
    schema('List the objects of a library'),
    async (request, reply) => {
      const { owner, library } = request.params
      const query = { owner, library: ourLibrary(library) }
      const { objects } = await ask({ request, reply }, gatewayListObjects, query)
      return objects.map(splObject)
    }
  )
  app.get<{ Params: { name: string }; Querystring: { function?: string } }>(
    '/spl/objects/:name/signature',
    schema('Read what an object takes and gives'),
    async (request, reply) => {
      const { name } = request.params
      const ref = refOf({ object: name, function: request.query.function })
      return splSignature(await ask({ request, reply }, gatewayDescribeObject, { ref }))
    }
  )
  app.get<{ Params: { name: string }; Querystring: { function?: string } }>(
    '/spl/objects/:name/source',
    schema('Read the source of an object, where its library grants that'),
    async (request, reply) => {
      const { name } = request.params
      const ref = refOf({ object: name, function: request.query.function })
      const wish = { ref, source: true }
      return splSource(await ask({ request, reply }, gatewayDescribeObject, wish))
    }
  )
  app.get('/spl/console/overview', schema('Count runs and objects'), async (request, reply) => {
    const [{ objects }, { runs }] = await Promise.all([
      ask({ request, reply }, gatewayListObjects, {}),
      ask({ request, reply }, gatewayListRuns, {})
    ])
    return { objects: objects.length, runs: runs.map(splRun) }
  })
  runRoutes(app, deps)
}

function runRoutes(app: FastifyInstance, deps: AdminDeps): void {
  const ask = asking(deps)
  const read = (http: Asked, runId: string) => ask(http, gatewayGetRun, { runId })
  app.post<{ Body: StartBody }>(
    '/spl/remote-runs',
    schema('Start a run', StartBody),
    async (request, reply) => {
      const http = { request, reply }
      const run = await runOf(request.body, async (ref) =>
        (await ask(http, gatewayDescribeObject, { ref })).signature.inputs.map(({ name }) => name)
      )
      return reply.code(201).send(splRun(await ask(http, gatewayStartRun, { run })))
    }
  )
  app.get('/spl/remote-runs', schema('List runs'), async (request, reply) => {
    const { runs } = await ask({ request, reply }, gatewayListRuns, {})
    return runs.map(splRun)
  })
  const reading = (url: string, summary: string, view: (run: RunView) => unknown) =>
    app.get<ById>(url, schema(summary), async (request, reply) =>
      view(await read({ request, reply }, jobIdIn(request)))
    )
  reading('/spl/remote-runs/:id', 'Read a run', splRun)
  reading('/spl/remote-runs/:id/detail', 'Read a run with its result', splDetail)
  reading('/spl/remote-runs/:id/events', 'Read what has happened', splEvents)
  reading('/spl/remote-runs/:id/artifacts', 'List what a run has left', splArtifacts)
  for (const [name, act] of [
    ['cancel', 'cancel'],
    ['retry', 'resume']
  ] as const) {
    app.post<ById>(
      `/spl/remote-runs/:id/${name}`,
      schema(`${name} a run`),
      async (request, reply) => {
        const http = { request, reply }
        const jobId = jobIdIn(request)
        await read(http, jobId) // a job that is no run is none here
        await ask(http, gatewayChangeJob, { jobId, act })
        return splRun(await read(http, jobId))
      }
    )
  }
  app.get<{ Params: { id: string; name: string } }>(
    '/spl/remote-runs/:id/artifacts/:name',
    schema('Read what a run has left'),
    async (request, reply) => {
      const run = await read({ request, reply }, jobIdIn(request))
      const { name } = request.params
      const node = run.nodes.find(({ artifacts }) => artifacts.some((each) => each.name === name))
      if (node === undefined) throw new HaifError('NOT_FOUND', 'there is no such artifact')
      const of = { jobId: run.runId, taskId: node.node, name }
      const context = deps.running.enter(request, reply, DOWNLOAD_MS_MAX)
      const bytes = deps.gateways.batches(gatewayReadArtifact, of, context)
      reply.header('content-type', 'application/octet-stream')
      return reply.send(Readable.from(itemByItem(bytes), { objectMode: false }))
    }
  )
}

type Named = Pick<StartBody, 'object'> &
  Partial<Pick<StartBody, 'object_owner_id' | 'library' | 'version' | 'version_id'>> & {
    function?: string | undefined
  }

function refOf(named: Named): string {
  const { object, object_owner_id: owner, library, version, version_id: hash } = named
  const name = `${object}${named.function === undefined ? '' : `::${named.function}`}`
  const of = library ?? (owner === undefined ? undefined : 'default')
  const path = [owner, of === undefined ? undefined : ourLibrary(of), name.replaceAll('::', '__')]
  const at = hash ?? version
  const text = path.filter((part) => part !== undefined).join('/')
  const ref = at === undefined ? text : `${text}@${at}`
  if (REF.test(ref)) return ref
  throw new HaifError('NOT_FOUND', `there is no function or pipeline ${ref.slice(0, 200)}`)
}

/** Arguments without names are those of its inputs, in their order. */
async function runOf(
  body: StartBody,
  inputsOf: (ref: string) => Promise<string[]>
): Promise<StartRun> {
  const { args = [], kwargs = {}, target_machine_id: machine, output, offline_policy } = body
  const ref = refOf(body)
  const names = args.length === 0 ? [] : await inputsOf(ref)
  if (args.length > names.length) {
    throw new HaifError('VALIDATION_FAILED', `${ref} takes ${names.length} arguments`)
  }
  const given = Object.fromEntries(args.map((value, at) => [names[at]!, value]))
  const timeout = body.timeout_seconds
  return {
    object: ref,
    arguments: { ...given, ...kwargs },
    ...(machine === undefined ? {} : { machine }),
    ...(output === undefined ? {} : { output }),
    ...(offline_policy === undefined ? {} : { offlinePolicy: offline_policy }),
    ...(timeout === undefined ? {} : { timeoutMs: Math.ceil(timeout * SECOND_MS) })
  }
}
