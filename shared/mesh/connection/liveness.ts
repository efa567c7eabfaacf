/**
 * When a silent peer is in doubt, and when it counts as lost.
 *
 * The dialler keeps the connection alive, and each packet is acknowledged, so that both ends hear
 * something as often as that. It says how often in its hello: a bound is only right if the other
 * side knows it. On a local network that is often, because packets cost nothing there and a killed
 * peer shall be gone at once. Over the internet it is rare, because each packet is paid for day and
 * night, and a new hole through two NATs may cost seconds: a pause must not cost the connection.
 *
 * While something is under way the pause is noticed early all the same. Then the peer is dialled
 * anew beside the old connection, which goes on if it was only slow.
 */
import type { NoiseSecretStream } from 'hyperdht'

/** Of a connection on a local network or within a machine. */
export const NEAR_KEEP_ALIVE_MS = 500
/** Of a connection over the internet, and of one that carries streams there. */
const FAR_KEEP_ALIVE_MS = 2000
const BUSY_KEEP_ALIVE_MS = 500
/** Nothing heard for this long: the peer is gone. Five missed keep-alives, and below 3 s. */
const NEAR_LOST_MS = 2500
const FAR_LOST_MS = 8000
/**
 * Nothing heard for this long while streams are open, or since something was sent: the peer is in
 * doubt. An answer that was sent whole still has to arrive.
 */
const DOUBT_MS = 2000
/** A dial that was to replace it may fail, so that the peer is dialled again after this. */
const DOUBT_AGAIN_MS = 1000
/** A question that is not acknowledged within this makes a peer doubtful. */
const CHECK_MS = 700
const TICK_MS = 250
/** A tick that comes this late: this process did not run, and could hear nobody. */
const STALLED_MS = 1500

/** 10/8, 172.16/12, 192.168/16, 169.254/16 and loopback. */
const NEAR = /^(127\.|10\.|172\.(1[6-9]|2\d|3[01])\.|192\.168\.|169\.254\.)/

export const isNearAddress = (host: string): boolean => NEAR.test(host)

/** How often the dialler keeps a connection with this address alive; null: one of this machine. */
export const keepAliveMsOf = (host: string | null): number =>
  host === null || isNearAddress(host) ? NEAR_KEEP_ALIVE_MS : FAR_KEEP_ALIVE_MS

/** After the start of a relayed connection. */
const NUDGES_MS = [10, 30, 70, 150, 300]

/**
 * A relay drops the first packet of one side when the other has not sent any yet, and a lost first
 * packet is repeated only after half a second, unless one that came later is acknowledged.
 */
export function nudge(stream: NoiseSecretStream): void {
  for (const ms of NUDGES_MS) {
    setTimeout(() => stream.destroyed || stream.sendKeepAlive(), ms).unref()
  }
}

interface LivenessOptions {
  stream: NoiseSecretStream
  /** As the dialler said. */
  keepAliveMs: number
  /** Whether streams are open. */
  isBusy: () => boolean
  /** Called when a silence is noticed, and again while it lasts. */
  onDoubt: () => void
  now?: () => number
}

export class Liveness {
  readonly #options: LivenessOptions
  readonly #lostMs: number
  readonly #now: () => number
  readonly #timer: NodeJS.Timeout
  #check: NodeJS.Timeout | null = null
  #heard = -1
  #heardAt: number
  #tickedAt: number
  /** When something was sent that nothing heard has acknowledged; null: there is nothing. */
  #owedSince: number | null = null
  /** Null while the peer is not in doubt. */
  #doubtedAt: number | null = null
  #paceMs = -1

  constructor(options: LivenessOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    this.#lostMs = options.keepAliveMs <= NEAR_KEEP_ALIVE_MS ? NEAR_LOST_MS : FAR_LOST_MS
    this.#heardAt = this.#tickedAt = this.#now()
    this.#keepPace()
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
    this.#timer.unref()
    options.stream.once('close', () => this.#stop())
  }

  /** Asks the peer for a sign of life. */
  check(): void {
    const { stream } = this.#options
    if (this.#check !== null || this.#doubtedAt !== null || stream.destroyed) return
    this.#listen()
    const heardAt = this.#heardAt
    stream.sendKeepAlive()
    this.#check = setTimeout(() => {
      this.#check = null
      this.#listen()
      if (this.#heardAt === heardAt) this.#doubt()
    }, CHECK_MS)
    this.#check.unref()
  }

  #tick(): void {
    const now = this.#now()
    const hasStalled = now - this.#tickedAt > STALLED_MS
    this.#tickedAt = now
    this.#listen()
    this.#keepPace()
    if (hasStalled) {
      // What came meanwhile is not read yet. The other side may have given us up.
      this.#heardAt = now
      this.#owedSince = null
      this.check()
      return
    }
    const silentMs = now - this.#heardAt
    if (silentMs > this.#lostMs) this.#options.stream.destroy(new Error('the peer is silent'))
    else if (this.#doubtedAt !== null || this.#isDoubtful(now, silentMs)) this.#doubt()
  }

  #isDoubtful(now: number, silentMs: number): boolean {
    if ((this.#options.stream.rawStream.inflight ?? 0) > 0) this.#owedSince ??= now
    if (this.#options.isBusy() && silentMs > DOUBT_MS) return true
    return this.#owedSince !== null && now - this.#owedSince > DOUBT_MS
  }

  /** Acknowledgements count as well, so whoever only sends hears the other side too. */
  #listen(): void {
    const { rawBytesRead, rawStream } = this.#options.stream
    const heard = rawStream.packetsReceived ?? rawBytesRead
    if (heard === this.#heard) return
    this.#heard = heard
    this.#heardAt = this.#now()
    this.#owedSince = null
    this.#doubtedAt = null
  }

  #doubt(): void {
    const now = this.#now()
    if (this.#doubtedAt !== null && now - this.#doubtedAt < DOUBT_AGAIN_MS) return
    this.#doubtedAt = now
    this.#options.onDoubt()
  }

  #keepPace(): void {
    const { stream, keepAliveMs, isBusy } = this.#options
    // A socket of this machine acknowledges nothing, so there both sides speak.
    const speaks = stream.isInitiator || stream.rawStream.packetsReceived === undefined
    const paceMs = !speaks ? 0 : isBusy() ? Math.min(keepAliveMs, BUSY_KEEP_ALIVE_MS) : keepAliveMs
    if (paceMs === this.#paceMs) return
    this.#paceMs = paceMs
    stream.setKeepAlive(paceMs)
  }

  #stop(): void {
    clearInterval(this.#timer)
    if (this.#check !== null) clearTimeout(this.#check)
  }
}
