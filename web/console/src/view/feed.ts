/** What the mesh's one event stream has said so far. Each event carries the whole of its thing. */
import type { EventBodies, PeerBody, RequestRowBody, WorkerBody } from '../mesh/bodies.ts'

/** Ended requests that the live list shows; the books have them all. */
export const ENDED_MAX = 200

export interface Feed {
  /** Everything that was there when the stream began is known. */
  isReady: boolean
  mesh: EventBodies['mesh'] | null
  queue: EventBodies['queue'] | null
  peers: ReadonlyMap<string, PeerBody>
  workers: ReadonlyMap<string, WorkerBody>
  /** The newest first. */
  ended: readonly RequestRowBody[]
}

export const EMPTY_FEED: Feed = {
  isReady: false,
  mesh: null,
  queue: null,
  peers: new Map(),
  workers: new Map(),
  ended: []
}

/** Events that the console does not know are those of a newer mesh, and change nothing. */
export function applyEvent(feed: Feed, event: string, data: unknown): Feed {
  switch (event) {
    case 'mesh':
      return { ...feed, mesh: data as EventBodies['mesh'] }
    case 'queue':
      return { ...feed, queue: data as EventBodies['queue'] }
    case 'peer':
      return { ...feed, peers: withThing(feed.peers, data as PeerBody) }
    case 'peer_gone':
      return { ...feed, peers: withoutThing(feed.peers, data as { id: string }) }
    case 'worker':
      return { ...feed, workers: withThing(feed.workers, data as WorkerBody) }
    case 'worker_gone':
      return { ...feed, workers: withoutThing(feed.workers, data as { id: string }) }
    case 'request':
      return { ...feed, ended: withEnded(feed.ended, data as RequestRowBody) }
    case 'ready':
      return { ...feed, isReady: true }
    default:
      return feed
  }
}

function withThing<Thing extends { id: string }>(
  known: ReadonlyMap<string, Thing>,
  thing: Thing
): ReadonlyMap<string, Thing> {
  return new Map(known).set(thing.id, thing)
}

function withoutThing<Thing>(
  known: ReadonlyMap<string, Thing>,
  { id }: { id: string }
): ReadonlyMap<string, Thing> {
  const left = new Map(known)
  left.delete(id)
  return left
}

function withEnded(
  ended: readonly RequestRowBody[],
  row: RequestRowBody
): readonly RequestRowBody[] {
  return [row, ...ended.filter(({ id }) => id !== row.id)].slice(0, ENDED_MAX)
}
