/**
 * Says on the local network where the DHT nodes of a mesh are. A home gets another address now and
 * then, and machines that know only the one from their invite would not find it again.
 *
 * What is heard is a hint, as everything from the DHT: whoever is reached there has to prove that
 * it is a member. It names the mesh by the topic that every invite tells.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { Address } from './mesh-address.ts'

/** Of the block that is for networks of one's own (RFC 2365). */
const GROUP = '239.255.72.73'
const BEACON_PORT = 49_736
/** A machine that wakes up has found its home this long after. */
const AGAIN_MS = 3000
const NAME_BYTES = 32
const BYTES = NAME_BYTES + 2

interface BeaconOptions {
  /** 32 bytes that name the mesh to those who know it. */
  name: Buffer
  /** Own address of the interface; absent: that of the default route. */
  interface?: string
  port?: number
}

export class BeaconSender {
  readonly #options: BeaconOptions
  readonly #message: Buffer
  readonly #socket: Socket
  #timer: NodeJS.Timeout | null = null

  /** `nodePort`: of the first DHT node of this machine. */
  constructor(options: BeaconOptions, nodePort: number) {
    this.#options = options
    this.#message = Buffer.alloc(BYTES, options.name)
    this.#message.writeUInt16BE(nodePort, NAME_BYTES)
    this.#socket = createSocket('udp4')
    this.#socket.on('error', () => {}) // the network may be away; the next one may be heard
  }

  async start(): Promise<void> {
    this.#socket.bind(0)
    await once(this.#socket, 'listening')
    const { interface: own } = this.#options
    if (own !== undefined) this.#socket.setMulticastInterface(own)
    this.#send()
    this.#timer = setInterval(() => this.#send(), AGAIN_MS)
    this.#timer.unref()
  }

  stop(): void {
    if (this.#timer === null) return
    clearInterval(this.#timer)
    this.#timer = null
    this.#socket.close()
  }

  #send(): void {
    const { port = BEACON_PORT } = this.#options
    this.#socket.send(this.#message, port, GROUP, () => {})
  }
}

export class BeaconListener {
  readonly #options: BeaconOptions
  readonly #onNode: (node: Address) => void
  readonly #socket: Socket

  constructor(options: BeaconOptions, onNode: (node: Address) => void) {
    this.#options = options
    this.#onNode = onNode
    // Every process of the machine listens.
    this.#socket = createSocket({ type: 'udp4', reuseAddr: true })
    this.#socket.on('error', () => {}) // without it, the address of the invite has to do
    this.#socket.on('message', (message, from) => this.#heard(message, from))
    this.#socket.unref()
  }

  start(): void {
    this.#socket.bind(this.#options.port ?? BEACON_PORT, () => this.join())
  }

  /** Also later, when this machine has another network. */
  join(): void {
    try {
      this.#socket.addMembership(GROUP, this.#options.interface)
    } catch {
      // It listens there already, or there is no network.
    }
  }

  stop(): void {
    this.#socket.close()
  }

  #heard(message: Buffer, { address: host }: RemoteInfo): void {
    if (message.length !== BYTES || !message.subarray(0, NAME_BYTES).equals(this.#options.name)) {
      return
    }
    const port = message.readUInt16BE(NAME_BYTES)
    if (port > 0) this.#onNode({ host, port })
  }
}
