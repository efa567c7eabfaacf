/**
 * A blind relay: forwards the encrypted bytes of two members that cannot reach each other directly.
 * It sees ciphertext only, but it would forward for anybody, so it lets in only keys that have
 * passed a hello with one of our peers.
 */
import { Server as RelayServer } from 'blind-relay'
import type { KeyPair, NoiseSecretStream, Server } from 'hyperdht'
import type DHT from 'hyperdht'
import { within } from '#shared/kit/within.ts'

const STOP_MS_MAX = 1000

interface RelayOptions {
  dht: DHT
  keyPair: KeyPair
  /** `key` in hex. */
  isMember: (key: string) => boolean
}

export class Relay {
  readonly #options: RelayOptions
  readonly #relay: RelayServer
  readonly #server: Server
  readonly #streams = new Map<string, Set<NoiseSecretStream>>() // by key of the member

  constructor(options: RelayOptions) {
    const { dht, isMember } = options
    this.#options = options
    this.#relay = new RelayServer({
      createStream: (streamOptions) => dht.createRawStream({ ...streamOptions, framed: true })
    })
    this.#server = dht.createServer(
      {
        shareLocalAddress: false,
        firewall: (remotePublicKey) => !isMember(remotePublicKey.toString('hex'))
      },
      (stream) => {
        stream.on('error', () => stream.destroy()) // a member that went away is no event here
        this.#hold(stream)
        const session = this.#relay.accept(stream, { id: stream.remotePublicKey })
        session.on('error', () => stream.destroy())
      }
    )
  }

  async start(): Promise<void> {
    await this.#server.listen(this.#options.keyPair)
  }

  /** Ends what it forwards for those who are members no longer. */
  dropFallen(): void {
    for (const [key, streams] of this.#streams) {
      if (!this.#options.isMember(key)) for (const stream of streams) stream.destroy()
    }
  }

  #hold(stream: NoiseSecretStream): void {
    const key = stream.remotePublicKey.toString('hex')
    const streams = this.#streams.get(key) ?? new Set()
    this.#streams.set(key, streams.add(stream))
    stream.on('close', () => {
      streams.delete(stream)
      if (streams.size === 0) this.#streams.delete(key)
    })
  }

  /** Breaks what it still forwards: waiting would be for members that wait for each other. */
  async stop(): Promise<void> {
    for (const session of this.#relay.sessions) session.destroy()
    await within(STOP_MS_MAX, this.#server.close())
  }
}
