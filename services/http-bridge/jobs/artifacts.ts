/** `GET /v1/jobs/{id}/artifacts/{task}/{name}`: a file that a task has made, whole or in part. */
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Compile } from '#shared/validator.ts'
import {
  ArtifactName,
  gatewayArtifact,
  gatewayReadArtifact,
  type ArtifactFacts
} from '#shared/contracts/jobs/artifacts.ts'
import { HaifError } from '#shared/errors.ts'
import { itemByItem } from '#shared/rpc/items.ts'
import { asking, type AdminDeps } from '../operators/admin.ts'
import { failures, security } from './bodies.ts'
import { readRange, type ByteRange } from './range.ts'

/** Of a large one over a slow line. */
const DOWNLOAD_MS_MAX = 86_400_000

interface ByName {
  Params: { id: string; task: string; name: string }
}

const nameOf = Compile(ArtifactName)

export function artifactRoute(app: FastifyInstance, deps: AdminDeps): void {
  for (const what of ['jobs', 'runs'])
    oneArtifactRoute(app, deps, `/v1/${what}/:id/artifacts/:task/:name`)
}

function oneArtifactRoute(app: FastifyInstance, deps: AdminDeps, url: string): void {
  const ask = asking(deps)
  app.route<ByName>({
    method: ['GET', 'HEAD'],
    url,
    schema: artifactSchema,
    handler: async (request, reply) => {
      const artifact = artifactIn(request)
      const facts = await ask({ request, reply }, gatewayArtifact, artifact)
      const range = describe(facts, request, reply)
      if (range === null || request.method === 'HEAD') return reply.send()
      const context = deps.running.enter(request, reply, DOWNLOAD_MS_MAX)
      const bytes = deps.gateways.batches(gatewayReadArtifact, { ...artifact, ...range }, context)
      return reply.send(Readable.from(itemByItem(bytes), { objectMode: false }))
    }
  })
}

/** What is no name is the name of nothing. */
function artifactIn({ params: { id, task, name } }: FastifyRequest<ByName>): ArtifactName {
  const artifact = { jobId: id, taskId: task, name }
  if (nameOf.Check(artifact)) return artifact
  throw new HaifError('NOT_FOUND', 'there is no such artifact')
}

/** Sets status and headers. Null: there is nothing to send. */
function describe(
  { name, sha256, bytes, mediaType, createdAt }: ArtifactFacts,
  { headers }: FastifyRequest,
  reply: FastifyReply
): ByteRange | null {
  const tag = `"${sha256}"`
  reply
    .header('etag', tag)
    .header('last-modified', new Date(createdAt).toUTCString())
    .header('accept-ranges', 'bytes')
    .header('cache-control', 'private, no-cache') // a task that runs again may make another
    .header('x-content-type-options', 'nosniff')
    .header('content-disposition', `attachment; filename="${name}"`) // never a page of our own
  if (headers['if-none-match']?.includes(tag) === true) return nothing(reply.code(304))
  reply.header('content-type', mediaType ?? 'application/octet-stream')
  const ifRange = headers['if-range']
  const wanted = ifRange === undefined || ifRange === tag ? headers.range : undefined
  const range = readRange(wanted, bytes)
  if (range === 'unsatisfiable') {
    return nothing(reply.code(416).header('content-range', `bytes */${bytes}`))
  }
  const { from, to } = range ?? { from: 0, to: bytes }
  reply.header('content-length', to - from)
  if (range !== null) reply.code(206).header('content-range', `bytes ${from}-${to - 1}/${bytes}`)
  return { from, to }
}

const nothing = (_: FastifyReply): null => null

const artifactSchema = {
  tags: ['jobs'],
  summary: 'Download a file that a task has made',
  description:
    'Whole, or the part that `Range` asks for. Its SHA-256 is the `ETag`. 503 says that the machine ' +
    'that keeps it is away.',
  security,
  response: {
    200: {
      description: 'The bytes.',
      content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } }
    },
    ...failures
  }
}
