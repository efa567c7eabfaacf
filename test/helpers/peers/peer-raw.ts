/**
 * A peer that is held to no rule: it says what a test wants said, in the order that the test wants.
 */
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import RPC from '@hyperswarm/rpc'
import c from 'compact-encoding'
import type { KeyPair, NoiseSecretStream } from 'hyperdht'
import type { Channel } from 'protomux'
import type ProtomuxRPC from 'protomux-rpc'
import { createDht } from '#shared/mesh/discovery/dht.ts'
import { HELLO_METHOD, makeHello, READY_EVENT } from '#shared/mesh/connection/hello.ts'
import { temporaryIdentity } from '#shared/mesh/identity.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import type { MeshRoot } from './mesh-root.ts'
import { frameBatch, type Frame } from '#shared/rpc/frames.ts'
import type { PeerRole } from '#shared/contracts/peers/role.ts'
import type { WireError } from '#shared/rpc/wire-error.ts'
import { memberOf } from './member.ts'
import { atEnd } from './peers.ts'
import { until } from '../until.ts'
import { patience } from '../deadline.ts'

/** No error: the hello was accepted. */
interface HelloAnswer {
  error?: WireError
}

const STREAMS_PROTOCOL = 'haif/streams/2'

export class RawPeer {
  readonly keyPair: KeyPair
  readonly rpc: ProtomuxRPC
  readonly stream: NoiseSecretStream
  /** Frames that came on the stream channel. */
  readonly frames: Frame[] = []
  #channel: Channel | null = null

  constructor(rpc: ProtomuxRPC, keyPair: KeyPair) {
    this.rpc = rpc
    this.keyPair = keyPair
    this.stream = rpc.stream
  }

  get isClosed(): boolean {
    return this.rpc.closed
  }

  /** Says hello as a member of the mesh with this root, or says something else altogether. */
  async hello(secret: Buffer, instead?: Buffer): Promise<HelloAnswer> {
    const hello = instead ?? this.helloOf(secret)
    const answer = await this.rpc.request(HELLO_METHOD, hello, { timeout: patience(5000) })
    return answer[0] === 1 ? {} : { error: JSON.parse(answer.toString('utf8', 1)) as WireError }
  }

  helloOf(secret: Buffer, role: PeerRole = 'client'): Buffer {
    return makeHello(memberOf({ secret }, role, this.keyPair), this.stream)
  }

  async request(method: string, value: unknown): Promise<unknown> {
    const reply = await this.rpc.request(method, Buffer.from(JSON.stringify(value)), {
      timeout: patience(5000)
    })
    return JSON.parse(reply.toString())
  }

  ready(): void {
    this.rpc.event(READY_EVENT, Buffer.alloc(0))
  }

  openStreams(): void {
    this.#channel = this.rpc.mux.createChannel({
      protocol: STREAMS_PROTOCOL,
      unique: false,
      messages: [
        {
          encoding: c.raw,
          onmessage: (bytes: Buffer) => this.frames.push(...c.decode(frameBatch, bytes))
        }
      ]
    })
    this.#channel!.open()
  }

  closeStreams(): void {
    this.#channel!.close()
  }

  sendBytes(bytes: Uint8Array): void {
    this.#channel!.messages[0]!.send(bytes)
  }

  send(...frames: (Partial<Frame> & Pick<Frame, 'type' | 'id'>)[]): void {
    this.sendBytes(
      c.encode(
        frameBatch,
        frames.map((frame) => ({ body: '', credit: 0, bytes: new Uint8Array(), ...frame }))
      )
    )
  }
}

/** An open connection on which nothing has been said yet. */
export async function dialRaw(
  t: TestContext,
  topicKey: MeshRoot,
  publicKey: Buffer
): Promise<RawPeer> {
  const dht = createDht(topicKey)
  const keyPair = temporaryIdentity()
  const client = new RPC({ dht, keyPair, valueEncoding: c.raw }).connect(publicKey, { keyPair })
  client.rpc.stream.on('error', () => {}) // being thrown out is what these tests provoke
  atEnd(t, () => dht.destroy())
  if (!client.rpc.opened) await once(client.rpc, 'open')
  return new RawPeer(client.rpc, keyPair)
}

/** A member of the mesh that has said hello, and whose stream channel is open. */
export async function dialAsMember(t: TestContext, topicKey: MeshRoot, to: Mesh): Promise<RawPeer> {
  const peer = await dialRaw(t, topicKey, Buffer.from(to.key, 'hex'))
  await peer.hello(topicKey.secret)
  peer.openStreams()
  peer.ready()
  await until(() => to.links('client').length > 0)
  return peer
}
