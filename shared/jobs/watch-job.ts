/** Follows a job through a gateway, and goes on with another one where that one is lost. */
import { setTimeout as sleep } from 'node:timers/promises'
import { gatewayWatchJob } from '#shared/contracts/jobs/callers.ts'
import type { JobEvent } from '#shared/contracts/jobs/events.ts'
import { toHaifError } from '#shared/errors.ts'
import { backoffMs } from '#shared/kit/backoff.ts'
import { BoundedMap } from '#shared/kit/bounded-map.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import { itemByItem } from '#shared/rpc/items.ts'
import type { RequestContext } from '#shared/rpc/context.ts'

/** In a row, without an event in between. Each try waits 15 s for a peer that may be restarting. */
const LOSSES_MAX = 4
const AGAIN = { firstMs: 100, maxMs: 2000 }

interface Watch {
  jobId: string
  /** The last event that the reader has seen; undefined: it begins with a snapshot. */
  after: number | undefined
}

export async function* watchJob(
  gateways: Pick<PeerPool, 'batches'>,
  { jobId, after: first }: Watch,
  context: RequestContext
): AsyncGenerator<JobEvent, void, void> {
  const texts = new SeenTexts()
  let after = first
  let begun = false
  for (let losses = 0; ; losses += 1) {
    const wish = after === undefined ? { jobId } : { jobId, after }
    try {
      for await (const event of itemByItem(gateways.batches(gatewayWatchJob, wish, context))) {
        losses = 0
        begun = true
        if ('id' in event && event.id !== undefined) after = event.id
        const news = event.event === 'task.output' ? texts.unseen(event) : event
        if (news !== null) yield news
      }
      return
    } catch (error) {
      // Before the first event the pool has tried all gateways, and an error has a status.
      const mayGoOn = begun && toHaifError(error).retryable && losses < LOSSES_MAX
      if (!mayGoOn || context.signal.aborted) throw error
      await sleep(backoffMs(AGAIN, losses + 1, Math.random()))
    }
  }
}

/** Running tasks of one job whose text is being read. */
const TASKS_MAX = 1000

/** Where a stream goes on, text that was passed on comes again: its offset tells. */
class SeenTexts {
  readonly #ends = new BoundedMap<string, number>(TASKS_MAX)

  /** What of it is new; null: nothing. */
  unseen(event: Extract<JobEvent, { event: 'task.output' }>): JobEvent | null {
    const { taskId, attempt, offset, text } = event.data
    const key = `${taskId}/${attempt}`
    const seen = Math.max(0, (this.#ends.get(key) ?? 0) - offset)
    if (seen >= text.length) return null
    this.#ends.set(key, offset + text.length)
    if (seen === 0) return event
    return { ...event, data: { ...event.data, offset: offset + seen, text: text.slice(seen) } }
  }
}
