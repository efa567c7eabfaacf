/**
 * Reports this peer to registries, and a worker to orchestrators: on connecting, on change, each
 * second. Over the internet, where bytes are paid for day and night, a report that says nothing new
 * is left out for a while.
 */
import { report, type PeerReport } from '#shared/contracts/peers/peers.ts'
import type { Logger } from '#shared/process/log.ts'
import { createContext } from '#shared/rpc/context.ts'
import type { PeerLink } from '#shared/rpc/peer-link.ts'
import type { Mesh } from './mesh.ts'
import type { PeerRole } from '#shared/contracts/peers/role.ts'

const REPORT_MS = 1000
const ANSWER_MS_MAX = 2000
/** Over the internet the same is said again after this. */
const SAME_AGAIN_MS = 60_000

interface ReporterOptions {
  mesh: Mesh
  /** The roles that get reports. */
  to: readonly PeerRole[]
  /** `peerKey`: the peer that gets this report. */
  describe: (peerKey: string) => PeerReport
  log: Logger
}

export class Reporter {
  readonly #options: ReporterOptions
  readonly #said = new WeakMap<PeerLink, { text: string; at: number }>()
  #timer: NodeJS.Timeout | null = null
  readonly #onLink = (link: PeerLink) => void this.#tell(link)

  constructor(options: ReporterOptions) {
    this.#options = options
  }

  start(): void {
    this.#options.mesh.on('link', this.#onLink)
    this.#timer = setInterval(() => this.tellAll(), REPORT_MS)
    this.tellAll()
  }

  stop(): void {
    this.#options.mesh.off('link', this.#onLink)
    if (this.#timer !== null) clearInterval(this.#timer)
  }

  /** Reports at once, because something has changed. */
  tellAll(): void {
    for (const link of this.#options.mesh.links()) void this.#tell(link)
  }

  async #tell(link: PeerLink): Promise<void> {
    const { to, describe, log } = this.#options
    if (!(to as readonly string[]).includes(link.peer.role)) return
    const said = describe(link.peer.key)
    if (this.#isNoNews(link, said)) return
    using context = createContext({ timeoutMs: ANSWER_MS_MAX })
    try {
      await link.call(report, said, context)
    } catch (error) {
      this.#said.delete(link)
      // The next report is a second away, and a lost connection is reported where it is held.
      if (!link.isClosed) log.debug({ peer: link.peer.key, err: error }, 'report not taken')
    }
  }

  /** The free memory of a machine moves all the time, and is no news. */
  #isNoNews(link: PeerLink, said: PeerReport): boolean {
    if (link.path === 'local' || link.path === 'lan') return false // it costs nothing
    const { worker, ...rest } = said
    const text = JSON.stringify([rest, { ...worker, hardware: null }])
    const before = this.#said.get(link)
    const now = performance.now()
    if (before?.text === text && now - before.at < SAME_AGAIN_MS) return true
    this.#said.set(link, { text, at: now })
    return false
  }
}
