/**
 * The spool as the thread that answers requests sees it: every call is made in another thread, and
 * waited for as long as a disk that works takes. A disk that hangs fails the calls that wait, and
 * all further ones at once, until it has answered again; what was asked of it meanwhile is done
 * late or never, which a row that also went another way survives, because it has an id.
 */
import { Worker } from 'node:worker_threads'
import type {
  SpoolCall,
  SpoolFailure,
  SpoolReply,
  SpoolSetup,
  SpoolWork
} from './spool-messages.ts'
import type { Spooled } from './usage-spool.ts'

/** A call takes less than a millisecond; a machine with much to do needs far more. */
const ANSWER_MS_MAX = 2000
const LOOK_MS = 250
/** For what is written last; a disk that hangs must not keep the process. */
const CLOSE_MS_MAX = 1500

interface Waiting {
  askedAt: number
  settle: (reply: SpoolReply['calls'][number]) => void
  fail: (error: Error) => void
}

export class SpoolClient {
  readonly #setup: SpoolSetup
  #thread: Worker | null = null
  /** In the order in which they were asked; as many as come within ANSWER_MS_MAX. */
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0
  #timer: NodeJS.Timeout | null = null
  #length: number | null = null
  #isClosed = false
  #onKept: (kept: string) => void = () => {}

  /** `rowsMax`: about 400 bytes each; over it the oldest are dropped. */
  constructor(file: string, rowsMax: number) {
    this.#setup = { file, rowsMax, over: new BigInt64Array(new SharedArrayBuffer(8)) }
    this.#thread = this.#start()
  }

  get isOpen(): boolean {
    return this.#length !== null && !this.#isClosed
  }

  /** About how many wait. */
  get length(): number {
    return this.#length ?? 0
  }

  /** Called with the path of a damaged file that was put aside. */
  onKept(listener: (kept: string) => void): void {
    this.#onKept = listener
  }

  /** Resolves to the number of rows that were dropped because there was no room. */
  async append(row: string): Promise<number> {
    return (await this.#call({ kind: 'append', row })) as number
  }

  async oldest(count: number): Promise<Spooled[]> {
    return (await this.#call({ kind: 'oldest', count })) as Spooled[]
  }

  async remove(first: number, last: number): Promise<void> {
    await this.#call({ kind: 'remove', first, last })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const thread = this.#thread
    if (thread === null) return
    const { promise: ended, resolve } = Promise.withResolvers<void>()
    thread.once('exit', () => resolve())
    this.#post('close')
    const timer = setTimeout(resolve, CLOSE_MS_MAX)
    await ended
    clearTimeout(timer)
    this.#thread = null
    void thread.terminate()
  }

  #call(work: SpoolWork): Promise<unknown> {
    if (this.#isClosed) throw new Error('the spool is closed')
    const hangingMs = this.#hangingMs(performance.now())
    if (hangingMs > ANSWER_MS_MAX) throw hanging(hangingMs)
    const id = ++this.#lastId
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    this.#waiting.set(id, {
      askedAt: performance.now(),
      settle: ([, result, failure]) => {
        if (failure === undefined) resolve(result)
        else reject(fromFailure(failure))
      },
      fail: reject
    })
    this.#thread ??= this.#start()
    this.#post({ id, work })
    this.#watch()
    return promise
  }

  #post(call: SpoolCall): void {
    this.#thread?.postMessage(call)
  }

  get #over(): number {
    return Number(Atomics.load(this.#setup.over, 0))
  }

  /** How long the disk has not answered, although the thread may have been without time itself. */
  #hangingMs(now: number): number {
    const over = this.#over
    for (const [id, { askedAt }] of this.#waiting) if (id > over) return now - askedAt
    return 0
  }

  #watch(): void {
    if (this.#timer !== null) return
    this.#timer = setTimeout(() => {
      this.#timer = null
      const hangingMs = this.#hangingMs(performance.now())
      if (hangingMs >= ANSWER_MS_MAX) this.#failAll(hanging(hangingMs))
      if (this.#waiting.size > 0) this.#watch()
    }, LOOK_MS).unref()
  }

  /** The first one is kept, to know when the disk has come to itself. */
  #failAll(error: Error): void {
    for (const { fail } of this.#waiting.values()) fail(error)
    const over = this.#over
    const [first] = [...this.#waiting].filter(([id]) => id > over)
    this.#waiting.clear()
    if (first !== undefined) this.#waiting.set(...first)
  }

  #start(): Worker {
    const url = new URL('spool-thread.ts', import.meta.url)
    const thread = new Worker(url, { workerData: this.#setup, execArgv: [] })
    thread.unref()
    thread.on('message', (reply: SpoolReply) => this.#replied(reply))
    const onEnd = (error?: unknown) => {
      if (this.#thread !== thread) return
      this.#thread = null // the next call starts another one
      this.#length = null
      const said = error instanceof Error ? error.message : 'its thread has ended'
      const waiting = [...this.#waiting.values()]
      this.#waiting.clear()
      for (const { fail } of waiting) fail(new Error(said))
    }
    thread.on('error', onEnd)
    thread.on('exit', () => onEnd())
    return thread
  }

  #replied({ calls, length, kept }: SpoolReply): void {
    this.#length = length
    if (kept !== undefined) this.#onKept(kept)
    for (const call of calls) {
      const waiting = this.#waiting.get(call[0])
      this.#waiting.delete(call[0])
      waiting?.settle(call)
    }
  }
}

const hanging = (ms: number): Error =>
  Object.assign(new Error(`it has not answered for ${(ms / 1000).toFixed(1)} s`), {
    code: 'ETIMEDOUT'
  })

const fromFailure = ({ message, ...fields }: SpoolFailure): Error =>
  Object.assign(new Error(message), fields)
