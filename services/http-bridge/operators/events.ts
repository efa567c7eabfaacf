/**
 * `GET /v1/admin/events`: changes of the mesh, as they happen. Everything that is there comes
 * first, then `ready`. A reader that was cut off simply comes again.
 */
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { EVENT_BODIES, type AdminEvent } from '#shared/contracts/http/admin/events.ts'
import { ErrorBody } from '#shared/contracts/http/error.ts'
import { watchMesh } from '#shared/contracts/peers/operating.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import type { RunningRequests } from '../ask/running-requests.ts'
import type { Failures } from '../failures.ts'
import { flatErrorBody } from '../http/errors.ts'
import { SseWriter } from '../http/stream/sse-writer.ts'
import { snake, toSnake } from './snake-case.ts'

/** A page that stays open for longer comes again by itself. */
const STREAM_MS_MAX = 86_400_000

interface EventsDeps {
  gateways: PeerPool
  running: RunningRequests
  failures: Failures
  keepAliveMs: number
}

export function eventsRoute(app: FastifyInstance, deps: EventsDeps): void {
  app.get('/v1/admin/events', { schema }, async (request, reply) => {
    const context = deps.running.enter(request, reply, STREAM_MS_MAX)
    const events = new SseWriter(reply, deps.keepAliveMs, () => {
      if (events.opened) events.stayAlive() // before that an error has a status of its own
    })
    try {
      for await (const batch of deps.gateways.batches(watchMesh, {}, context)) {
        for (const event of batch.items()) write(event, events)
        if (events.blocked) await events.drained(context.signal)
      }
    } catch (error) {
      if (!events.opened) throw error
      const { error: told } = deps.failures.take(error, request)
      events.event('error', flatErrorBody(told, request.id))
    } finally {
      events.dispose()
    }
    events.end()
    return reply
  })
}

function write({ event, data }: AdminEvent, events: SseWriter): void {
  events.event(snake(event), toSnake(EVENT_BODIES[event], data))
}

const schema = {
  operationId: 'watchMesh',
  tags: ['admin'],
  summary: 'Follow the mesh',
  description:
    '`mesh`, `peer`, `peer_gone`, `worker`, `worker_gone`, `queue` and `request` (one that has ' +
    'ended), each with the whole of what has changed, at most once a second; `ready` after ' +
    'everything that was there at the beginning. Needs the scope `observer` or `operator`.',
  security: [{ token: [] }],
  response: {
    200: {
      description: 'Events.',
      content: {
        'text/event-stream': {
          schema: Type.String({ examples: ['event: worker_gone\ndata: {"id":"…"}\n\n'] })
        }
      }
    },
    401: ErrorBody,
    403: ErrorBody
  }
}
