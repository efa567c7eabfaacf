/**
 * Connections that have not said hello yet. A stranger may open any number of them, from one
 * address or from many, so there is room for few, and the oldest gives way: an honest peer says
 * hello within one round trip, and is through before that.
 */
import type ProtomuxRPC from 'protomux-rpc'

/** Together; each has some 20 KB. */
const PENDING_MAX = 1024
/** From one address, which may be that of an office full of workers. */
const PENDING_OF_ADDRESS_MAX = 128

export class PendingConnections {
  readonly #byAddress = new Map<string, Set<ProtomuxRPC>>() // oldest first
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Until `leave` is called or the connection ends; others may be ended to make room. */
  enter(address: string, rpc: ProtomuxRPC): () => void {
    const ofAddress = this.#byAddress.get(address) ?? new Set()
    this.#byAddress.set(address, ofAddress)
    if (ofAddress.size >= PENDING_OF_ADDRESS_MAX) this.#end(ofAddress)
    else if (this.#size >= PENDING_MAX) this.#end(this.#largest())
    // Ending the last one of the address has removed its set.
    this.#byAddress.set(address, ofAddress.add(rpc))
    this.#size++
    const leave = () => {
      if (!ofAddress.delete(rpc)) return
      this.#size--
      if (ofAddress.size === 0) this.#byAddress.delete(address)
    }
    rpc.on('close', leave)
    return leave
  }

  #end(connections: Set<ProtomuxRPC>): void {
    const [oldest] = connections
    oldest?.destroy()
    oldest?.stream.destroy()
  }

  #largest(): Set<ProtomuxRPC> {
    let largest = new Set<ProtomuxRPC>()
    for (const ofAddress of this.#byAddress.values()) {
      if (ofAddress.size > largest.size) largest = ofAddress
    }
    return largest
  }
}
