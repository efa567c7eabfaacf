/**
 * Responses that go on when their client has gone (`background: true`). Each lives in the memory of
 * the bridge that began it, as what is kept of all responses does, and ends with that bridge.
 */
import type { ResponseObject } from '#shared/contracts/http/responses.ts'
import { HaifError } from '#shared/errors.ts'
import { BoundedMap } from '#shared/kit/bounded-map.ts'
import { EventLog } from '../../http/stream/event-log.ts'

/** That run at the same time, of one owner and of all. */
const RUNNING_PER_OWNER_MAX = 16
const RUNNING_MAX = 64
/** Whose events can be read again, those that run among them; with a log of 1 MiB each. */
const LOGS_MAX = 128
const RETRY_MS = 1000

interface BackgroundResponse {
  readonly log: EventLog
  readonly owner: string
  /** As far as it has come. */
  response: ResponseObject
  /** Null once it has ended. */
  cancel: (() => void) | null
  readonly ended: Promise<void>
}

export class BackgroundResponses {
  readonly #kept = new BoundedMap<string, BackgroundResponse>(LOGS_MAX)
  readonly #running = new Map<string, number>() // by owner; RUNNING_MAX together

  /** Throws where too many run. `leave` of the result says that it has ended. */
  begin(
    response: ResponseObject,
    owner: string,
    cancel: () => void
  ): { kept: BackgroundResponse; leave: () => void } {
    const own = this.#running.get(owner) ?? 0
    const all = [...this.#running.values()].reduce((sum, count) => sum + count, 0)
    if (own >= RUNNING_PER_OWNER_MAX || all >= RUNNING_MAX) throw tooMany()
    this.#running.set(owner, own + 1)
    const { promise: ended, resolve } = Promise.withResolvers<void>()
    const kept: BackgroundResponse = { log: new EventLog(), owner, response, cancel, ended }
    this.#kept.set(response.id, kept)
    const leave = (): void => {
      kept.cancel = null
      kept.log.close()
      resolve()
      const left = (this.#running.get(owner) ?? 1) - 1
      if (left === 0) this.#running.delete(owner)
      else this.#running.set(owner, left)
    }
    return { kept, leave }
  }

  get(id: string, owner: string): BackgroundResponse | undefined {
    const kept = this.#kept.get(id)
    return kept?.owner === owner ? kept : undefined
  }

  /** Ends it where it still runs, and resolves when it has ended. */
  async cancel(id: string, owner: string): Promise<void> {
    const kept = this.get(id, owner)
    kept?.cancel?.()
    await kept?.ended
  }

  /** Forgets the events of one that has ended. */
  forget(id: string, owner: string): void {
    if (this.get(id, owner) !== undefined) this.#kept.delete(id)
  }
}

const tooMany = (): HaifError =>
  new HaifError(
    'STREAM_LIMIT',
    `too many responses run in the background (${RUNNING_PER_OWNER_MAX} of one client, ` +
      `${RUNNING_MAX} of all): wait for one to end`,
    { retryAfterMs: RETRY_MS }
  )
