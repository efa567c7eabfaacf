/**
 * DHT nodes of our own, for a mesh that stays on one machine or one network. Three, because records
 * live on several nodes and a single one that restarts would forget them all.
 */
import DHT from 'hyperdht'
import { within } from '#shared/kit/within.ts'
import { ANY_PORT } from './dht.ts'
import type { Address } from './mesh-address.ts'

const NODES = 3
/** Time to join the nodes of other hosts; without them nothing has to be waited for. */
const JOIN_MS_MAX = 2000

interface BootstrapOptions {
  /** The IPv4 address under which other peers reach this machine. */
  host: string
  /**
   * The port of the first node; the other two get the next ones. Peers that knew them find them
   * again after a restart. A port that is 0 or taken is replaced by a free one.
   */
  port: number
  /** Nodes on other hosts: all of them are one DHT, so that each host may be away. */
  others?: readonly Address[]
}

export class BootstrapNodes {
  readonly #options: BootstrapOptions
  readonly #nodes: DHT[] = []

  constructor(options: BootstrapOptions) {
    this.#options = options
  }

  /** The addresses with which other peers begin; valid after `start`. */
  get address(): Address {
    const [first] = this.#nodes
    if (first === undefined) throw new Error('the bootstrap nodes have not started')
    return { host: this.#options.host, port: first.address().port }
  }

  async start(): Promise<void> {
    const { host, port, others = [] } = this.#options
    const bind = host === '127.0.0.1' ? host : '0.0.0.0'
    while (this.#nodes.length < NODES) {
      const index = this.#nodes.length
      const node = new DHT({
        bootstrap: index === 0 ? [...others] : [this.address],
        ephemeral: false,
        firewalled: false,
        host: bind,
        port: port === 0 ? ANY_PORT : port + index
      })
      this.#nodes.push(node)
      // The others may start after this one; they find it then.
      await within(JOIN_MS_MAX, node.fullyBootstrapped())
    }
  }

  async stop(): Promise<void> {
    for (const node of this.#nodes.splice(0).toReversed()) await node.destroy()
  }
}
