/** `POST /infer` as a stream of what happens. */
import type {
  DoneEvent,
  NativeInferBody,
  QueuedEvent,
  TokenEvent
} from '#shared/contracts/http/infer.ts'
import { brokenOff, failureOf, MeshError, type ErrorObject } from '../../../ui/mesh/failure.ts'
import { send } from '../../../ui/mesh/http.ts'
import { readEvents } from '../../../ui/mesh/read-events.ts'

export type InferEvent =
  | ({ kind: 'queued' } & QueuedEvent)
  | ({ kind: 'token' } & TokenEvent)
  | ({ kind: 'done' } & DoneEvent)

/** Ends after `done`; rejects with a MeshError, or as the signal says when it is aborted. */
export async function* infer(
  body: NativeInferBody,
  signal: AbortSignal
): AsyncGenerator<InferEvent, void, void> {
  const response = await send('infer', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'text/event-stream',
      'x-haif-queue': '1'
    },
    body: JSON.stringify(body),
    signal
  })
  if (response.body === null) throw brokenOff()
  try {
    for await (const { event, data } of readEvents(response.body)) {
      const parsed = parse(event, data)
      if (parsed === null) continue // an event of a later version
      yield parsed
      if (parsed.kind === 'done') return
    }
  } catch (error) {
    signal.throwIfAborted()
    throw error instanceof MeshError ? error : brokenOff(error)
  }
  throw brokenOff() // never a silent end
}

function parse(event: string, data: string): InferEvent | null {
  switch (event) {
    case 'queued':
    case 'token':
    case 'done':
      return { kind: event, ...(JSON.parse(data) as object) } as InferEvent
    case 'error':
      throw new MeshError(failureOf((JSON.parse(data) as { error: ErrorObject }).error))
    default:
      return null
  }
}
