/**
 * Brings one file: in ranges, over several connections, from where an earlier try broke off
 * (partial-file.ts).
 */
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { HaifError } from '#shared/errors.ts'
import { backoffMs } from '#shared/kit/backoff.ts'
import { reasonOf } from '#shared/kit/reason-of.ts'
import { failed, mayPass, type Hub, type HubUri } from '../sources/hub.ts'
import { digestOfFile } from '../file-digest.ts'
import { diskRoom, noRoom } from './disk-room.ts'
import { assertOk, isWebPage, webPage, type HubFile } from './locate.ts'
import type { DownloadLimits } from './messages.ts'
import { finishPartial, PartialFile } from './partial-file.ts'
import { PIECE_BYTES, Pieces, type Run } from './pieces.ts'
import { WebFault, type Reply, type Web } from './web.ts'

const CONNECTIONS_MAX = 4
/** What one connection asks for at a time. */
const RUN_PIECES = 64
const PAUSE_MS_MAX = 15_000
/** How often what has arrived is made sure of, and the disk looked at. */
const KEEP_MS = 2000

interface TransferDeps {
  uri: HubUri
  hub: Hub
  web: Web
  limits: DownloadLimits
  signal: AbortSignal
  /** Called with the bytes of this file that are here. */
  onBytes: (bytes: number, totalBytes: number | null) => void
  /** Called with why the server is asked again. */
  onFault: (message: string) => void
}

export class Transfer {
  readonly #deps: TransferDeps
  readonly #remote: HubFile
  readonly #path: string
  readonly #stop = new AbortController() // when one connection knows that all are in vain
  readonly #signal: AbortSignal
  #file!: PartialFile
  /** Where the redirects end; asked for again when it has expired. */
  #address: string | null = null
  #hasRanges = false
  #failures = 0 // in a row, of all connections
  #keptAt = 0
  #keeping: Promise<void> = Promise.resolve()

  constructor(remote: HubFile, path: string, deps: TransferDeps) {
    this.#remote = remote
    this.#path = path
    this.#deps = deps
    this.#signal = AbortSignal.any([deps.signal, this.#stop.signal])
  }

  /** Resolves to the SHA-256. */
  async run(): Promise<string> {
    this.#file = await PartialFile.open(this.#path, this.#remote)
    const keeper = setInterval(() => this.#keepLast(), KEEP_MS)
    try {
      await this.#fetchAll()
      await this.#file.sync()
    } catch (error) {
      this.#signal.throwIfAborted()
      throw error
    } finally {
      clearInterval(keeper)
      await this.#keeping
      await this.#file.keep().catch(() => {}) // a full disk keeps what it can
      await this.#file.close()
    }
    const digest = await digestOfFile(`${this.#path}.part`)
    const isRight = await finishPartial(this.#path, digest, this.#remote.sha256)
    if (!isRight) throw new DamagedOnItsWay()
    return digest
  }

  get #pieces(): Pieces {
    return this.#file.pieces
  }

  async #fetchAll(): Promise<void> {
    for (;;) {
      try {
        await this.#probe()
        const others = Array.from({ length: CONNECTIONS_MAX }, () => this.#connection())
        await Promise.allSettled(others) // the file is closed when nobody writes into it
        this.#signal.throwIfAborted()
        if (this.#pieces.areAllHere && this.#pieces.count > 0) return
      } catch (error) {
        if (error instanceof NoRanges) return this.#fetchWhole()
        throw error
      }
    }
  }

  /** The first connection shows what the server can do; the others follow. */
  async #probe(): Promise<void> {
    if (this.#pieces.count === 0) await this.#learnSize()
    if (!this.#pieces.areAllHere) await this.#fetchRunOrPause(1)
  }

  async #connection(): Promise<void> {
    try {
      while (!this.#pieces.areAllHere) {
        const share = Math.ceil(this.#pieces.missing / CONNECTIONS_MAX)
        if (!(await this.#fetchRunOrPause(Math.min(RUN_PIECES, share)))) return
      }
    } catch (error) {
      this.#stop.abort(error)
    }
  }

  /** False when there is nothing left to fetch. */
  async #fetchRunOrPause(most: number): Promise<boolean> {
    const run = this.#pieces.take(most)
    if (run === null) return false
    try {
      await this.#fetchRun(run)
    } catch (error) {
      await this.#afterFault(error)
    } finally {
      this.#pieces.giveBack(run)
    }
    return true
  }

  /** A server that does not say how large the file is says so with the first byte. */
  async #learnSize(): Promise<void> {
    for (;;) {
      try {
        const reply = await this.#ask({ range: 'bytes=0-0' })
        reply.body.destroy()
        const total = Number(/\/(\d+)$/.exec(reply.headers['content-range'] ?? '')?.[1] ?? NaN)
        if (reply.status !== 206 || !(total > 0)) throw new NoRanges()
        this.#file.pieces = new Pieces(total)
        return
      } catch (error) {
        await this.#afterFault(error)
      }
    }
  }

  async #fetchRun(run: Run): Promise<void> {
    const from = run.next * PIECE_BYTES
    const to = Math.min(run.end * PIECE_BYTES, this.#pieces.sizeBytes)
    const reply = await this.#ask({ range: `bytes=${from}-${to - 1}` })
    if (reply.status === 200) {
      reply.body.destroy()
      if (!this.#hasRanges) throw new NoRanges()
      throw new WebFault(`${reply.url.host} sends all of it where a part was asked for`)
    }
    this.#assertRange(reply, from)
    this.#hasRanges = true
    let at = from
    for await (const chunk of this.#paced(reply)) {
      const last = Math.min(run.end * PIECE_BYTES, to) // another connection may help with the rest
      const bytes = chunk.subarray(0, last - at)
      await this.#write(bytes, at, reply)
      at += bytes.length
      while (run.next < run.end && at >= Math.min((run.next + 1) * PIECE_BYTES, to)) {
        this.#pieces.arrived(run.next++)
        this.#failures = 0
      }
      await this.#arrived()
      if (at >= last) return
    }
    if (run.next < run.end) throw new WebFault(`${reply.url.host} ended before the range did`)
  }

  /** A server that knows no ranges sends all of it, over one connection. */
  async #fetchWhole(): Promise<void> {
    for (;;) {
      this.#pieces.forget()
      try {
        const reply = await this.#ask({})
        let at = 0
        const size = this.#remote.sizeBytes ?? sizeOf(reply)
        for await (const chunk of this.#paced(reply)) {
          const bytes = size === null ? chunk : chunk.subarray(0, size - at)
          await this.#write(bytes, at, reply)
          at += bytes.length
          this.#failures = 0
          await this.#arrived(at, size)
          if (at === size) return
        }
        if (size === null || at === size) return await this.#file.truncate(at)
        throw new WebFault(`${reply.url.host} ended before the file did, and knows no ranges`)
      } catch (error) {
        await this.#afterFault(error)
      }
    }
  }

  async #ask(headers: Record<string, string>): Promise<Reply> {
    const { web, uri, hub } = this.#deps
    const known = this.#address
    const reply = await web.ask(known ?? this.#remote.url, { headers, signal: this.#signal })
    const { status, url, body } = reply
    if (known !== null && EXPIRED.has(status)) {
      body.destroy()
      this.#address = null
      return this.#ask(headers)
    }
    if (status === 416) {
      body.destroy()
      throw new WebFault(`${url.host} has another file there now, of another size`)
    }
    if (EXPIRED.has(status) && url.origin !== new URL(hub.endpoint).origin) {
      body.destroy()
      throw new WebFault(`${url.host}, where the hub sends us, refuses it (status ${status})`)
    }
    assertOk(uri, hub, reply)
    const { 'content-encoding': encoding = 'identity' } = reply.headers
    if (encoding !== 'identity' && encoding !== '') {
      body.destroy()
      throw new WebFault(`${url.host} sends it compressed (${encoding.slice(0, 20)})`)
    }
    this.#address = url.href
    return reply
  }

  #assertRange({ headers, status, url, body }: Reply, from: number): void {
    const said = headers['content-range'] ?? ''
    const [, first, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(said) ?? []
    const isAsked = status === 206 && Number(first) === from
    const isSize = total === '*' || Number(total) === this.#pieces.sizeBytes
    if (isAsked && isSize) return
    body.destroy()
    const got = said === '' ? `status ${status} and no range` : said.slice(0, 60)
    throw new WebFault(
      `${url.host} answers with other bytes than it was asked for (${got} instead of bytes ${from}-…/${this.#pieces.sizeBytes})`
    )
  }

  /** The chunks, as long as they come quickly enough. */
  async *#paced(reply: Reply): AsyncGenerator<Buffer, void, void> {
    const { slowMs, slowBytes } = this.#deps.limits
    let since = performance.now()
    let bytes = 0
    for await (const chunk of this.#deps.web.bytesOf(reply.body, reply.url)) {
      this.#signal.throwIfAborted()
      bytes += chunk.length
      yield chunk
      if (performance.now() - since < slowMs) continue
      if (bytes < slowBytes)
        throw new WebFault(`${reply.url.host} sends only ${bytes} bytes in ${slowMs / 1000} s`)
      since = performance.now()
      bytes = 0
    }
  }

  async #write(bytes: Buffer, at: number, reply: Reply): Promise<void> {
    if (at === 0 && bytes.length >= MAGIC.length) this.#assertModel(bytes, reply)
    try {
      await this.#file.write(bytes, at)
    } catch (error) {
      throw await this.#unwritable(error)
    }
  }

  /** Nobody waits for 40 GB to learn that they are something else. */
  #assertModel(bytes: Buffer, reply: Reply): void {
    const begins = bytes.toString('latin1', 0, 64)
    if (begins.startsWith(MAGIC)) return
    if (isWebPage(begins)) throw webPage(this.#deps.uri, reply)
    const reason = `what ${reply.url.host} has there is no GGUF file; choose another one`
    // Of a file that the hub knows, something between may give other bytes, for a while.
    throw (this.#remote.sha256 === null ? failed : mayPass)(this.#deps.uri, reason)
  }

  async #arrived(bytes?: number, total?: number | null): Promise<void> {
    const here = bytes ?? this.#pieces.arrivedBytes
    this.#deps.onBytes(here, total === undefined ? this.#pieces.sizeBytes : total)
    if (performance.now() - this.#keptAt < KEEP_MS) return
    this.#keptAt = performance.now()
    const room = await diskRoom(dirname(this.#path))
    if (room.freeBytes <= 0) throw this.#full(null, room)
    await this.#file.keep()
  }

  /** What came last, when nothing comes after it: a line that has become silent may stay so. */
  #keepLast(): void {
    if (performance.now() - this.#keptAt < KEEP_MS / 2) return
    if (this.#pieces.arrivedBytes === this.#file.keptBytes) return
    this.#keptAt = performance.now()
    this.#keeping = this.#file.keep().catch(() => {}) // whoever brings more hears why
  }

  async #afterFault(error: unknown): Promise<void> {
    this.#signal.throwIfAborted()
    if (!(error instanceof WebFault)) throw error
    const { pauseMs, failuresMax, waitMsMax } = this.#deps.limits
    const { retryAfterMs = 0 } = error
    this.#failures++
    if (this.#failures >= failuresMax || retryAfterMs > waitMsMax) {
      throw mayPass(this.#deps.uri, `${error.message}; ${IS_KEPT}`, error, retryAfterMs)
    }
    this.#deps.onFault(asksAgain(error.message))
    const step = { firstMs: pauseMs, maxMs: PAUSE_MS_MAX }
    const round = Math.ceil(this.#failures / CONNECTIONS_MAX)
    const pause = Math.max(retryAfterMs, backoffMs(step, round, Math.random()))
    await sleep(pause, undefined, { signal: this.#signal })
  }

  async #unwritable(error: unknown): Promise<HaifError> {
    const { code = '' } = error as NodeJS.ErrnoException
    const folder = dirname(this.#path)
    if (code === 'ENOSPC' || code === 'EDQUOT') return this.#full(error, await diskRoom(folder))
    return failed(
      this.#deps.uri,
      `${folder} cannot be written (${reasonOf(error)}); check its disk`
    )
  }

  #full(cause: unknown, room: Parameters<typeof noRoom>[2]): HaifError {
    return mayPass(this.#deps.uri, noRoom(null, dirname(this.#path), room), cause, FULL_AGAIN_MS)
  }
}

/** All of it has come, and it is not what the hub has. */
export class DamagedOnItsWay extends Error {}

export const asksAgain = (fault: string): string => `${fault}; it is asked again`

const IS_KEPT = 'what has arrived is kept, and it is tried again'

const MAGIC = 'GGUF'
const FULL_AGAIN_MS = 60_000
/** Of an address that was good a moment ago: those of a content network have an end. */
const EXPIRED: ReadonlySet<number> = new Set([400, 401, 403, 404, 410])

/** The server answers a question for a part with the whole. */
class NoRanges extends Error {}

const sizeOf = ({ headers }: Reply): number | null => {
  const size = Number(headers['content-length'] ?? NaN)
  return size > 0 ? size : null
}
