/**
 * `GET /v1/jobs/{id}/stream`: what happens to a job, as it happens. A stream outlives gateways and
 * jobs services: it goes on behind the last event that it has passed on.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { JobEvent } from '#shared/contracts/jobs/events.ts'
import { JobSnapshot, JobView, TaskDelta, TaskView } from '#shared/contracts/jobs/views.ts'
import { HaifError } from '#shared/errors.ts'
import { watchJob } from '#shared/jobs/watch-job.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import type { RunningRequests } from '../ask/running-requests.ts'
import type { Failures } from '../failures.ts'
import { flatErrorBody } from '../http/errors.ts'
import { SseWriter } from '../http/stream/sse-writer.ts'
import { failures, replyBody, security } from './bodies.ts'
import { jobIdIn, type ById } from './routes.ts'

/** Readers of longer jobs come back by themselves, with `Last-Event-ID`. */
const STREAM_MS_MAX = 86_400_000

interface StreamDeps {
  gateways: PeerPool
  running: RunningRequests
  failures: Failures
  keepAliveMs: number
}

export function jobStreamRoute(app: FastifyInstance, deps: StreamDeps): void {
  for (const url of ['/v1/jobs/:id/stream', '/v1/runs/:id/events']) {
    streamRoute(app, deps, url)
  }
}

function streamRoute(app: FastifyInstance, deps: StreamDeps, url: string): void {
  app.get<ById>(url, { schema: streamSchema }, async (request, reply) => {
    const jobId = jobIdIn(request)
    const after = lastEventId(request)
    const context = deps.running.enter(request, reply, STREAM_MS_MAX)
    const events = new SseWriter(reply, deps.keepAliveMs, () => {
      if (events.opened) events.stayAlive() // before that an error has a status of its own
    })
    try {
      for await (const event of watchJob(deps.gateways, { jobId, after }, context)) {
        write(event, events)
        if (events.blocked) await events.drained(context.signal)
      }
    } catch (error) {
      if (!events.opened) throw error
      const { error: told } = deps.failures.take(error, request)
      events.event('error', flatErrorBody(told, request.id))
    } finally {
      events.dispose()
    }
    // Nothing is left to be told: this status is what ends a browser's attempts to come back.
    if (!events.opened) return noMore(reply)
    events.end()
    return reply
  })
}

const noMore = (reply: FastifyReply): FastifyReply => reply.code(204).send()

const CONTRACTS = { 'job.snapshot': JobSnapshot, 'task.update': TaskView, 'task.output': TaskDelta }

function write(event: JobEvent, events: SseWriter): void {
  const contract =
    event.event in CONTRACTS ? CONTRACTS[event.event as keyof typeof CONTRACTS] : JobView
  events.event(event.event, replyBody(contract, event.data), 'id' in event ? event.id : undefined)
}

/** `Last-Event-ID`, or `?after=` for clients that cannot set a header. */
function lastEventId({ headers, query }: FastifyRequest): number | undefined {
  const { after } = query as { after?: string }
  const given = headers['last-event-id'] ?? after
  if (given === undefined || given === '') return undefined
  const id = Number(given)
  if (Number.isSafeInteger(id) && id >= 0) return id
  throw new HaifError('VALIDATION_FAILED', 'Last-Event-ID must be the id of an event', {
    details: { param: 'last-event-id' }
  })
}

const streamSchema = {
  tags: ['jobs'],
  summary: 'Follow a job',
  description:
    '`job.snapshot` first, then `job.status`, `task.update` and `task.output` (text of a running ' +
    'task, as the model writes it), and at the end `job.completed`, `job.failed`, `job.canceled` or ' +
    '`job.archived`. With `Last-Event-ID` (or `?after=`) it goes on behind that event; 204 says ' +
    'that nothing more comes.',
  security,
  response: {
    200: {
      description: 'Events.',
      content: {
        'text/event-stream': {
          schema: Type.String({
            examples: ['id: 3\nevent: task.update\ndata: {"task_id":"split"}\n\n']
          })
        }
      }
    },
    204: { description: 'The job has ended, and the reader has seen all of it.', type: 'null' },
    ...failures
  }
}
