/**
 * What jobs services tell each other through the database, at the moment when it is committed: that
 * something may be ready, that a job has new events, that a job was canceled. A notice that is
 * missed costs time and nothing else, as every service looks for itself now and then.
 */
import type { TaskDelta } from '#shared/contracts/jobs/views.ts'
import { parseJson } from '#shared/kit/parse-json.ts'
import type { Queryable, Store } from '#shared/store/store.ts'

const CHANNEL = 'haif_jobs'
/** A notice has at most 7,999 bytes; an id has 36 characters. */
const IDS_PER_NOTICE = 150
/** A service that has said nothing for so long is gone. */
const OTHERS_MS = 30_000

interface Notice {
  /** The service that it comes from: it has done what follows already. */
  by: string
  /** Tasks may be ready. */
  ready?: true
  /** Jobs with new events. */
  changed?: string[]
  /** Jobs of which nothing may run any more. */
  canceled?: string[]
  /** Of a running task. */
  text?: TaskDelta
}

interface NoticeListener {
  onReady: () => void
  onChanged: (jobIds: readonly string[]) => void
  onCanceled: (jobIds: readonly string[]) => void
  onText: (text: TaskDelta) => void
  /** Some may have been missed. */
  onGap: () => void
}

interface NoticesDeps {
  store: Store
  /** This service. */
  owner: string
  now: () => number
}

export class Notices {
  readonly #deps: NoticesDeps
  #stop: (() => Promise<void>) | null = null
  #heardAt = -Infinity

  constructor(deps: NoticesDeps) {
    this.#deps = deps
  }

  async listen(listener: NoticeListener): Promise<void> {
    this.#stop = await this.#deps.store.listen(CHANNEL, {
      onNotice: (payload) => this.#heard(payload, listener),
      onReconnect: () => listener.onGap()
    })
  }

  async stop(): Promise<void> {
    await this.#stop?.()
  }

  /** For a statement that makes tasks ready. */
  ready(): { channel: string; payload: string } {
    return { channel: CHANNEL, payload: this.#payload({ ready: true }) }
  }

  /** Inside of a transaction: it is told when that is committed. */
  async tell(tx: Queryable, notice: Omit<Notice, 'by'>): Promise<void> {
    const { ready, changed = [], canceled = [] } = notice
    const parts: Omit<Notice, 'by'>[] = []
    for (let at = 0; at < changed.length; at += IDS_PER_NOTICE) {
      parts.push({ changed: changed.slice(at, at + IDS_PER_NOTICE) })
    }
    for (let at = 0; at < canceled.length; at += IDS_PER_NOTICE) {
      parts.push({ canceled: canceled.slice(at, at + IDS_PER_NOTICE) })
    }
    if (ready === true) Object.assign((parts[0] ??= {}), { ready })
    if (parts.length === 0) return
    await tx.query('select pg_notify($1, payload) from unnest($2::text[]) as payload', [
      CHANNEL,
      parts.map((part) => this.#payload(part))
    ])
  }

  /** Other services have been heard of lately, so that it is worth to tell them of texts. */
  hasOthers(): boolean {
    return this.#deps.now() - this.#heardAt < OTHERS_MS
  }

  /** Now and then, so that the others know of this one. */
  async greet(): Promise<void> {
    await this.#deps.store.notify(CHANNEL, this.#payload({}))
  }

  async sendText(text: TaskDelta): Promise<void> {
    await this.#deps.store.notify(CHANNEL, this.#payload({ text }))
  }

  #payload(notice: Omit<Notice, 'by'>): string {
    return JSON.stringify({ by: this.#deps.owner, ...notice })
  }

  #heard(payload: string, listener: NoticeListener): void {
    const { by, ready, changed, canceled, text } = parseJson(payload) as Notice
    if (by === this.#deps.owner) return
    this.#heardAt = this.#deps.now()
    if (text !== undefined) listener.onText(text)
    if (ready === true) listener.onReady()
    if (changed !== undefined) listener.onChanged(changed)
    if (canceled !== undefined) listener.onCanceled(canceled)
  }
}
