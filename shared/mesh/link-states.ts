/** What a peer tells of its connections, and what a registry hears of those of others. */
import { peerLinks, type LinkState } from '#shared/contracts/peers/links.ts'
import { createContext } from '#shared/rpc/context.ts'
import type { PeerLink } from '#shared/rpc/peer-link.ts'
import type { Router } from '#shared/rpc/router.ts'
import type { Mesh } from './mesh.ts'

export function linkState({ path, relay, rttMs, lossPercent, traffic }: PeerLink): LinkState {
  const state: LinkState = { path, rttMs: Math.round(rttMs * 10) / 10 }
  if (relay !== null) state.relay = relay
  if (traffic === null) return state
  const { sentBytes, receivedBytes } = traffic
  return { ...state, lossPercent: Math.round(lossPercent * 10) / 10, sentBytes, receivedBytes }
}

export function answerLinks(router: Router, mesh: Pick<Mesh, 'links'>): Router {
  return router.respond(peerLinks, () => ({
    links: mesh.links().map((link) => ({ peer: link.peer.key, ...linkState(link) }))
  }))
}

/** The connection that another peer has to the one that is described. */
interface SeenLink extends LinkState {
  /** Public key, hex. */
  from: string
}

const ANSWER_MS_MAX = 400
/** Asked at most this often, however many ask the registry. */
const FRESH_MS = 900
/** The peers that requests pass through, and so whose connections matter. */
const ASKED = ['orchestrator', 'gateway', 'jobs'] as const

export class SeenLinks {
  readonly #mesh: Pick<Mesh, 'links'>
  readonly #now: () => number
  #seen = new Map<string, SeenLink[]>() // by the key that they lead to
  #asking: Promise<void> | null = null
  #askedAt = -Infinity

  constructor(mesh: Pick<Mesh, 'links'>, now = () => performance.now()) {
    this.#mesh = mesh
    this.#now = now
  }

  /** The connections that lead to a peer. */
  to(key: string): SeenLink[] {
    return this.#seen.get(key) ?? []
  }

  /** Asks the peers that are connected; resolves soon, with or without all of their answers. */
  async refresh(): Promise<void> {
    if (this.#now() - this.#askedAt < FRESH_MS) return
    this.#asking ??= this.#ask().finally(() => (this.#asking = null))
    await this.#asking
  }

  async #ask(): Promise<void> {
    const seen = new Map<string, SeenLink[]>()
    const asked = ASKED.flatMap((role) => this.#mesh.links(role))
    await Promise.all(
      asked.map(async (link) => {
        using context = createContext({ timeoutMs: ANSWER_MS_MAX })
        // A peer that is slow, or older than this call, leaves out only what it alone knows.
        const { links } = await link.call(peerLinks, {}, context).catch(() => ({ links: [] }))
        for (const { peer, ...state } of links) {
          seen.set(peer, [...(seen.get(peer) ?? []), { from: link.peer.key, ...state }])
        }
      })
    )
    this.#seen = seen
    this.#askedAt = this.#now()
  }
}
