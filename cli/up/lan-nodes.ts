/**
 * The DHT nodes of `haif up --lan`. When this machine gets another address they begin anew there,
 * and say so on the network: machines that have joined find the mesh again by themselves.
 */
import { BeaconSender } from '#shared/mesh/discovery/beacon.ts'
import { BootstrapNodes } from '#shared/mesh/discovery/bootstrap-nodes.ts'
import type { Address } from '#shared/mesh/discovery/mesh-address.ts'

const LOOK_MS = 2000

interface LanNodesOptions {
  /** Names the mesh to those who know it. */
  name: Buffer
  port: number
  /** The address of this machine now; rejects while it has none. */
  ownAddress: () => Promise<string>
  /** Called when the nodes are at another address than before. */
  onMoved: (address: Address) => void
}

export class LanNodes {
  readonly #options: LanNodesOptions
  #nodes: BootstrapNodes | null = null
  #beacon: BeaconSender | null = null
  #timer: NodeJS.Timeout | null = null
  #looking: Promise<void> = Promise.resolve()

  constructor(options: LanNodesOptions) {
    this.#options = options
  }

  /** Valid after `start`. */
  get address(): Address {
    return this.#nodes!.address
  }

  async start(): Promise<void> {
    await this.#begin(await this.#options.ownAddress(), this.#options.port)
    this.#timer = setInterval(() => void this.#look(), LOOK_MS)
    this.#timer.unref()
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer)
    await this.#looking
    await this.#end()
  }

  #look(): Promise<void> {
    this.#looking = this.#looking.then(() => this.#follow())
    return this.#looking
  }

  async #follow(): Promise<void> {
    const { ownAddress, onMoved } = this.#options
    const host = await ownAddress().catch(() => null) // between two networks there is none
    const before = this.address
    if (host === null || host === before.host) return
    await this.#end()
    await this.#begin(host, before.port)
    onMoved(this.address)
  }

  async #begin(host: string, port: number): Promise<void> {
    this.#nodes = new BootstrapNodes({ host, port })
    await this.#nodes.start()
    this.#beacon = new BeaconSender(
      { name: this.#options.name, interface: host },
      this.address.port
    )
    await this.#beacon.start()
  }

  async #end(): Promise<void> {
    this.#beacon?.stop()
    await this.#nodes?.stop()
  }
}
