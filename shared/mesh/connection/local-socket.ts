/**
 * Peers of one machine talk over a socket of its operating system: no acknowledgements and no
 * packets of 1,200 bytes to make, and the end of a process is seen at once. What runs over it is
 * the same encrypted stream under the same keys, so that nobody can stand in for a peer, and
 * nothing above it differs.
 *
 * No message has to find out who is on the same machine: a peer that is has a socket with its name.
 */
import { rmSync } from 'node:fs'
import type { Duplex } from 'node:stream'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import c from 'compact-encoding'
import type { KeyPair, NoiseSecretStream } from 'hyperdht'
import ProtomuxRPC from 'protomux-rpc'
import { GuardedStream } from './guarded-stream.ts'
import { NEAR_KEEP_ALIVE_MS } from './liveness.ts'
import { within } from '#shared/kit/within.ts'
import type { LinkWay } from '#shared/rpc/peer-link.ts'

/**
 * Time for both ends to prove their keys. A peer that is slower, or stopped, is dialled through the
 * DHT.
 */
const HANDSHAKE_MS_MAX = 1000

/** A half that is still open may have something to say, as with connections over the network. */
const SOCKET = { allowHalfOpen: true }

/** The way of each connection over such a socket. */
export const localWay = (): LinkWay => ({ path: 'local', relay: null })

interface LocalListenerOptions {
  keyPair: KeyPair
  connectionsMax: number
  onConnection: (rpc: ProtomuxRPC) => void
}

/** Lets peers of this machine connect. */
export class LocalListener {
  readonly #options: LocalListenerOptions
  readonly #server: Server
  readonly #sockets = new Set<Socket>() // at most connectionsMax

  constructor(options: LocalListenerOptions) {
    this.#options = options
    this.#server = createServer(SOCKET, (socket) => this.#accept(socket))
    this.#server.maxConnections = options.connectionsMax
  }

  /** Rejects where the system has no place for the socket: peers then come over the network. */
  async listen(): Promise<void> {
    const path = localPathOf(this.#options.keyPair.publicKey)
    if (isFile(path)) rmSync(path, { force: true }) // of a process that was killed
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    // A later error comes from a connection that could not be accepted, and changes nothing.
    this.#server.on('error', reject)
    this.#server.listen(path, resolve)
    await promise
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #accept(socket: Socket): void {
    const { keyPair, onConnection } = this.#options
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    onConnection(rpcOver(encrypted(false, socket, { keyPair }), keyPair.publicKey))
  }
}

/** An open connection to the peer if it is on this machine, or null. */
export async function dialLocal(publicKey: Buffer, keyPair: KeyPair): Promise<ProtomuxRPC | null> {
  const socket = connect({ path: localPathOf(publicKey), ...SOCKET })
  // Most peers are elsewhere, and the first message of a handshake is the costly part of a dial.
  if (!(await opens(socket))) return null
  const stream = encrypted(true, socket, { keyPair, remotePublicKey: publicKey })
  await within(HANDSHAKE_MS_MAX, stream.opened)
  if (stream.connected) return rpcOver(stream, publicKey)
  stream.destroy()
  return null
}

function opens(socket: Socket): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  socket.once('connect', () => resolve(true))
  socket.once('error', () => resolve(false)) // nobody listens there
  return promise
}

/** Noise IK, as hyperdht does it: the dialler knows whom it wants, and nobody else can answer. */
export function encrypted(
  isInitiator: boolean,
  socket: Duplex,
  keys: { keyPair: KeyPair; remotePublicKey?: Buffer }
): NoiseSecretStream {
  const options = { pattern: 'IK', keepAlive: NEAR_KEEP_ALIVE_MS, ...keys } as const
  const stream = new GuardedStream(isInitiator, socket, options)
  stream.on('error', () => {}) // whoever uses the stream sees it close
  return stream
}

/** The RPC channel as `@hyperswarm/rpc` makes it, named by the key of the side that listens. */
export function rpcOver(stream: NoiseSecretStream, id: Buffer): ProtomuxRPC {
  return new ProtomuxRPC(stream, { id, valueEncoding: c.raw })
}

/**
 * Names the socket by the key of the peer that listens. On Linux the names are those of a network
 * namespace and not files, so that containers stay apart and nothing is left behind; on Windows
 * they are pipes.
 */
export function localPathOf(publicKey: Buffer): string {
  // Half of the key, because a path has at most 103 characters on macOS.
  const name = `haif-${publicKey.toString('hex', 0, 16)}`
  if (process.platform === 'linux') return `\0${name}`
  if (process.platform === 'win32') return `\\\\.\\pipe\\${name}`
  return join(tmpdir(), name)
}

const isFile = (path: string): boolean => process.platform !== 'win32' && !path.startsWith('\0')
