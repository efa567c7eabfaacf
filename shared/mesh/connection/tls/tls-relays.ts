/** The relays that this machine may reach over TLS, where its network blocks UDP. */
import { once } from 'node:events'
import { request } from 'node:https'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { WebSocket } from 'ws'
import { HaifError } from '#shared/errors.ts'
import type { TlsAddress } from './tls-address.ts'
import { Found, pathTo, pipeOver, RELAY_HEADER } from './protocol.ts'

/** A pipe, and the key in hex of the relay that forwards. */
interface Pipe {
  stream: Duplex
  relay: string
}

/** The newest of those that were learnt; one that answers is enough. */
const KNOWN_MAX = 8
const ANSWER_MS_MAX = 3000
/** The relay proves nothing by its TLS certificate: who is behind it proves its key in Noise. */
const TLS = { rejectUnauthorized: false } as const
const ANSWER_BYTES_MAX = 32 * 1024

export class TlsRelays {
  #addresses: readonly TlsAddress[] // at most KNOWN_MAX
  readonly #keep: (all: readonly TlsAddress[]) => void
  /** The one that answered last is asked first. */
  #best = ''
  /** Whether they answered the latest search while UDP was silent. */
  isNeeded = false

  /** `keep`: called with all of them when one was learnt. */
  constructor(
    addresses: readonly TlsAddress[] = [],
    keep: (all: readonly TlsAddress[]) => void = () => {}
  ) {
    this.#addresses = addresses.slice(0, KNOWN_MAX)
    this.#keep = keep
  }

  get isEmpty(): boolean {
    return this.#addresses.length === 0
  }

  /** Those known, the newest first. */
  get addresses(): readonly TlsAddress[] {
    return this.#addresses
  }

  /** A member of the mesh relays there: it will be needed in a network that blocks UDP. */
  learn(address: TlsAddress): void {
    const name = nameOf(address)
    if (this.#addresses.some((known) => nameOf(known) === name)) return
    this.#addresses = [address, ...this.#addresses].slice(0, KNOWN_MAX)
    this.#keep(this.#addresses)
  }

  /** Keys announced under the topic, by the first relay that answers; null when none does. */
  async find(topic: Buffer): Promise<Buffer[] | null> {
    for (const address of this.#ranked()) {
      const keys = await ask(address, topic.toString('hex')).catch(() => null)
      if (keys === null) continue
      this.#best = nameOf(address)
      return keys.map((key) => Buffer.from(key, 'hex'))
    }
    return null
  }

  /** Rejects with the reason of the last relay that was tried. */
  async pipeTo(publicKey: Buffer): Promise<Pipe> {
    let why: unknown = new HaifError('NO_PEER', 'no relay over TLS is known')
    for (const address of this.#ranked()) {
      try {
        const pipe = await openPipe(address, pathTo('peers', publicKey.toString('hex')))
        this.#best = nameOf(address)
        return pipe
      } catch (error) {
        why = error
      }
    }
    throw why
  }

  #ranked(): TlsAddress[] {
    const isBest = (address: TlsAddress) => Number(nameOf(address) === this.#best)
    return this.#addresses.toSorted((one, other) => isBest(other) - isBest(one))
  }
}

const nameOf = ({ host, port }: TlsAddress): string => `${host}:${port}`

async function ask({ host, port }: TlsAddress, topic: string): Promise<string[]> {
  const asked = request({
    host,
    port,
    ...TLS,
    path: pathTo('topics', topic),
    signal: AbortSignal.timeout(ANSWER_MS_MAX)
  })
  asked.end()
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  const body: unknown = JSON.parse(await text(bounded(response)))
  if (response.statusCode === 200 && Found.Check(body)) return body.keys
  throw new HaifError('WRONG_MESH', `the relay at ${host} is of another mesh`)
}

async function* bounded(response: IncomingMessage): AsyncGenerator<Buffer> {
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > ANSWER_BYTES_MAX) throw new HaifError('PROTOCOL_MISMATCH', 'the answer is too long')
    yield chunk
  }
}

/** Also for the peer that is called, which takes its end of a pipe at `/haif/offers/<token>`. */
export async function openPipe({ host, port }: TlsAddress, path: string): Promise<Pipe> {
  const name = host.includes(':') ? `[${host}]` : host
  const socket = new WebSocket(`wss://${name}:${port}${path}`, {
    ...TLS,
    perMessageDeflate: false,
    handshakeTimeout: ANSWER_MS_MAX
  })
  let relay = ''
  socket.once('upgrade', ({ headers }) => (relay = String(headers[RELAY_HEADER] ?? '')))
  const stream = pipeOver(socket) // before it opens, or the first bytes would be lost
  stream.on('error', () => {}) // whoever uses the pipe sees it close
  try {
    await once(socket, 'open')
  } catch (error) {
    throw new HaifError('PEER_LOST', `the relay at ${host}:${port} cannot be reached over TLS`, {
      cause: error
    })
  }
  return { stream, relay }
}
