/** `/v1/objects` and `/v1/libraries`: publish, list, read, grant. */
import type { FastifyInstance } from 'fastify'
import type { TObject } from 'typebox'
import {
  gatewayDescribeObject,
  gatewayListLibraries,
  gatewayListObjects,
  gatewayPublishObject,
  gatewaySetGrant,
  gatewaySetLibrary
} from '#shared/contracts/functions/callers.ts'
import { OBJECT_REF_PATTERN } from '#shared/contracts/functions/bundle.ts'
import { LibraryList } from '#shared/contracts/functions/methods.ts'
import {
  LibraryView,
  ObjectDetail,
  ObjectPage,
  ObjectQuery,
  Published,
  PublishObject,
  SetGrant,
  SetLibrary
} from '#shared/contracts/functions/objects.ts'
import { ErrorBody } from '#shared/contracts/http/error.ts'
import { HaifError } from '#shared/errors.ts'
import { replyBody, replySchema, security } from '../jobs/bodies.ts'
import { asking, type AdminDeps } from '../operators/admin.ts'
import { queryReader } from '../operators/query.ts'
import { fromSnake, snakeSchema } from '../operators/snake-case.ts'
import { toolOf } from './tool.ts'

const readQuery = queryReader(ObjectQuery)
const REF = new RegExp(OBJECT_REF_PATTERN)

export function objectRoutes(app: FastifyInstance, deps: AdminDeps): void {
  const ask = asking(deps)
  app.post(
    '/v1/objects',
    describe('Publish a version of a function or a pipeline', Published, PublishObject),
    async (request, reply) => {
      const wish = fromSnake(PublishObject, request.body) as PublishObject
      const published = await ask({ request, reply }, gatewayPublishObject, wish)
      return reply.code(published.isNew ? 201 : 200).send(replyBody(Published, published))
    }
  )
  app.get(
    '/v1/objects',
    describe('List functions and pipelines; `search`, `owner`, `library` choose', ObjectPage),
    async (request, reply) => {
      const page = await ask({ request, reply }, gatewayListObjects, readQuery(request.query))
      return replyBody(ObjectPage, page)
    }
  )
  app.get<{ Params: { '*': string }; Querystring: { source?: string; as?: string } }>(
    '/v1/objects/*',
    describe(
      'Read `owner/library/name@version`; `source=1` with its bundle, `as=tool` for a chat',
      ObjectDetail
    ),
    async (request, reply) => {
      const { '*': text } = request.params
      const ref = refIn(text)
      const wish = request.query.source === '1' ? { ref, source: true } : { ref }
      const found = await ask({ request, reply }, gatewayDescribeObject, wish)
      if (request.query.as !== 'tool') return replyBody(ObjectDetail, found)
      return reply.type('application/json').send(JSON.stringify(toolOf(found)))
    }
  )
  libraryRoutes(app, deps)
}

/** What is no reference is the name of nothing. */
export function refIn(text: string): string {
  if (REF.test(text)) return text
  throw new HaifError('NOT_FOUND', `there is no function or pipeline ${text.slice(0, 200)}`)
}

function libraryRoutes(app: FastifyInstance, deps: AdminDeps): void {
  const ask = asking(deps)
  app.get('/v1/libraries', describe('List libraries', LibraryList), async (request, reply) =>
    replyBody(LibraryList, await ask({ request, reply }, gatewayListLibraries, {}))
  )
  app.post(
    '/v1/libraries',
    describe('Make a library, or change it', LibraryView, SetLibrary),
    async (request, reply) => {
      const wish = fromSnake(SetLibrary, request.body) as SetLibrary
      return replyBody(LibraryView, await ask({ request, reply }, gatewaySetLibrary, wish))
    }
  )
  app.post(
    '/v1/libraries/grants',
    describe('Grant scopes of a library to a tenant; none withdraw it', LibraryView, SetGrant),
    async (request, reply) => {
      const wish = fromSnake(SetGrant, request.body) as SetGrant
      return replyBody(LibraryView, await ask({ request, reply }, gatewaySetGrant, wish))
    }
  )
}

export function describe(summary: string, answer: TObject, body?: TObject) {
  const schema = {
    tags: ['functions'],
    summary,
    security,
    response: { '2xx': replySchema(answer), '4xx': ErrorBody, '5xx': ErrorBody }
  }
  return { schema: body === undefined ? schema : { ...schema, body: snakeSchema(body) } }
}
