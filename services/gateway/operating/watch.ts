/**
 * Changes of the mesh for one reader. Each look compares what there is with what the reader was
 * sent last, so what has changed several times in between is sent once, and nothing piles up for a
 * reader that is slow: the next look is not before it has taken the last one.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { AdminEvent } from '#shared/contracts/http/admin/events.ts'
import type { MeshView, PeerView } from '#shared/contracts/http/admin/mesh.ts'
import type { QueueView } from '#shared/contracts/http/admin/queue.ts'
import type { RequestRow } from '#shared/contracts/http/admin/requests.ts'
import type { WorkerView } from '#shared/contracts/http/admin/workers.ts'
import { BoundedMap } from '#shared/kit/bounded-map.ts'
import type { RequestContext } from '#shared/rpc/context.ts'

const LOOK_MS = 1000
/** Requests that one reader has been told of; more than end between two looks and their delay. */
const TOLD_MAX = 4096

export interface Look {
  mesh: MeshView
  peers: readonly PeerView[]
  workers: readonly WorkerView[]
  queue: QueueView
  /** The latest, the oldest first; some have been told before. */
  requests: readonly RequestRow[]
}

/** `look` is asked again and again until the context ends. */
export async function* watch(
  look: () => Promise<Look>,
  context: RequestContext,
  lookMs = LOOK_MS
): AsyncGenerator<AdminEvent, {}, void> {
  const seen = new Seen()
  let isFirst = true
  while (!context.signal.aborted) {
    yield* seen.changes(await look(), isFirst)
    if (isFirst) yield { event: 'ready', data: {} }
    isFirst = false
    await sleep(lookMs, undefined, { signal: context.signal }).catch(() => {})
  }
  return {}
}

export class Seen {
  /** One for each peer and worker of the last look, and two. */
  readonly #sent = new Map<string, string>()
  readonly #told = new BoundedMap<string, true>(TOLD_MAX)

  #isNew(key: string, value: object): boolean {
    const text = JSON.stringify(value)
    if (this.#sent.get(key) === text) return false
    this.#sent.set(key, text)
    return true
  }

  *changes(
    { mesh, peers, workers, queue, requests }: Look,
    isFirst = false
  ): Generator<AdminEvent> {
    const { now: _now, peers: _peers, ...rest } = mesh
    if (this.#isNew('mesh', rest)) {
      yield { event: 'mesh', data: { now: mesh.now, ...rest } }
    }
    for (const peer of peers) {
      if (this.#isNew(`peer ${peer.id}`, calm(peer))) yield { event: 'peer', data: peer }
    }
    for (const worker of workers) {
      if (this.#isNew(`worker ${worker.id}`, calm(worker))) yield { event: 'worker', data: worker }
    }
    yield* this.#gone(peers, workers)
    const { requests: _requests, ...totals } = queue
    if (this.#isNew('queue', totals)) yield { event: 'queue', data: totals }
    for (const request of requests) {
      if (this.#told.has(request.id)) continue
      this.#told.set(request.id, true)
      if (!isFirst) yield { event: 'request', data: request }
    }
  }

  *#gone(peers: readonly PeerView[], workers: readonly WorkerView[]): Generator<AdminEvent> {
    const there = new Set([
      'mesh',
      'queue',
      ...peers.map(({ id }) => `peer ${id}`),
      ...workers.map(({ id }) => `worker ${id}`)
    ])
    for (const key of this.#sent.keys()) {
      if (there.has(key)) continue
      this.#sent.delete(key)
      const [kind, id = ''] = key.split(' ')
      yield { event: kind === 'peer' ? 'peerGone' : 'workerGone', data: { id } }
    }
  }
}

/** Round trips and byte counts change with every look: alone they are no news. */
function calm(view: PeerView | WorkerView): object {
  const { rttMs: _rtt, lossPercent: _loss, sentBytes: _sent, receivedBytes: _got, ...rest } = view
  const links = view.links?.map(({ from, path, relay }) => ({ from, path, relay }))
  return { ...rest, links }
}
