/**
 * The registry's view of the mesh, read for everybody who asks within a moment: an operator's
 * screen, its events and a script together ask no more often than one of them alone.
 */
import type { MeshSnapshot } from '#shared/contracts/peers/peers.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import { readRegistry } from '#shared/mesh/read-registry.ts'
import { createContext, type RequestContext } from '#shared/rpc/context.ts'

/** A view may be this old; a worker reports each second. */
const FRESH_MS = 500
const READ_MS_MAX = 5000

export class MeshReader {
  readonly #registries: () => PeerPool
  #read: Promise<MeshSnapshot> | null = null
  #readAt = -Infinity

  constructor(registries: () => PeerPool) {
    this.#registries = registries
  }

  /** With the connections over which peers work. */
  async snapshot(context?: RequestContext): Promise<MeshSnapshot> {
    const now = performance.now()
    if (this.#read === null || now - this.#readAt > FRESH_MS) {
      this.#readAt = now
      const reading = this.#ask()
      this.#read = reading
      reading.catch(() => {
        if (this.#read === reading) this.#read = null // the next one asks again
      })
    }
    const snapshot = await this.#read
    context?.signal.throwIfAborted()
    return snapshot
  }

  /** Its own deadline: whoever asked first may leave, and the others still wait for it. */
  async #ask(): Promise<MeshSnapshot> {
    using context = createContext({ timeoutMs: READ_MS_MAX })
    return await readRegistry(this.#registries(), context, { links: true })
  }
}
