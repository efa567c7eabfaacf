/** A relay for peers whose network blocks UDP: it answers on a port for TLS (protocol.ts). */
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type WebSocket } from 'ws'
import { toHaifError, HaifError } from '#shared/errors.ts'
import { Meetings } from './meetings.ts'
import { parsePath, pipeOver, RELAY_HEADER } from './protocol.ts'
import type { TlsCertificate } from './self-signed.ts'

const CONNECTIONS_MAX = 4096
/** A request, and its head alone; a pipe is no request any more. */
const REQUEST_MS_MAX = 10_000
/** Of a WebSocket, for a pipe that the peer has refused. */
const GONE = 4404
const FULL = 1013

interface TlsRelayOptions {
  /** 0: any free one. */
  port: number
  certificate: TlsCertificate
  /** Own public key, hex. */
  key: string
  /** Keys in hex announced under a topic (hex); null when it is no topic of this mesh. */
  find: (topic: string) => Promise<string[] | null>
  /** Asks the peer (hex) to take the other end of a pipe; rejects when it cannot be reached. */
  offer: (peer: string, token: string) => Promise<void>
  /** Called with the bytes that pass. */
  onBytes?: (bytes: number) => void
}

export class TlsRelay {
  readonly #options: TlsRelayOptions
  readonly #server: Server
  readonly #sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false })
  readonly #meetings: Meetings

  constructor(options: TlsRelayOptions) {
    const { certificate, key, onBytes = () => {} } = options
    this.#options = options
    this.#meetings = new Meetings(onBytes)
    this.#server = createServer(
      { ...certificate, requestTimeout: REQUEST_MS_MAX, headersTimeout: REQUEST_MS_MAX },
      (request, response) => void this.#answer(request, response)
    )
    this.#server.maxConnections = CONNECTIONS_MAX
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head))
    this.#sockets.on('headers', (headers) => headers.push(`${RELAY_HEADER}: ${key}`))
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get pipes(): number {
    return this.#meetings.size
  }

  async start(): Promise<void> {
    const { port } = this.#options
    try {
      this.#server.listen(port)
      await once(this.#server, 'listening')
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      const why =
        code === 'EACCES'
          ? `this user may not listen on port ${port}: start it with that right, or choose another port with --tls-port`
          : `port ${port} is taken: choose another one with --tls-port`
      throw new HaifError('PORT_IN_USE', why, { cause: error })
    }
  }

  async stop(): Promise<void> {
    this.#meetings.close()
    for (const socket of this.#sockets.clients) socket.terminate()
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = parsePath(request.url)
    const topic = request.method === 'GET' && path?.kind === 'topics' ? path.name : null
    const keys = topic === null ? null : await this.#options.find(topic).catch(() => [])
    response.setHeader(RELAY_HEADER, this.#options.key)
    response.setHeader('content-type', 'application/json')
    response.statusCode = keys === null ? 404 : 200
    response.end(JSON.stringify(keys === null ? {} : { keys }))
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const path = parsePath(request.url)
    if (path === null || path.kind === 'topics') {
      socket.end('HTTP/1.1 404 Not Found\r\n\r\n')
      return
    }
    const client = request.socket.remoteAddress ?? ''
    this.#sockets.handleUpgrade(request, socket, head, (opened) => {
      if (path.kind === 'peers') void this.#call(opened, client, path.name)
      else if (!this.#meetings.join(path.name, pipeOver(opened))) opened.close(GONE)
    })
  }

  async #call(opened: WebSocket, client: string, peer: string): Promise<void> {
    if (!this.#meetings.hasRoom(client, peer)) {
      opened.close(FULL)
      return
    }
    const token = this.#meetings.wait(pipeOver(opened), client, peer)
    try {
      await this.#options.offer(peer, token)
    } catch (error) {
      opened.close(GONE, toHaifError(error).message.slice(0, REASON_CHARACTERS_MAX))
    }
  }
}

/** A WebSocket closes with a reason of at most 123 bytes. */
const REASON_CHARACTERS_MAX = 60
