// The calls that HAIF makes on the Holepunch packages, which ship without types.

declare module 'hyperdht' {
  import type { EventEmitter } from 'node:events'
  import type { Duplex } from 'node:stream'

  namespace DHT {
    interface KeyPair {
      publicKey: Buffer
      secretKey: Buffer
    }
    interface Address {
      host: string
      port: number
    }
    interface Options {
      bootstrap?: (Address | string)[]
      host?: string
      /** Or a range, whose end is not in it. */
      port?: number | [number, number]
      anyPort?: boolean
      keyPair?: KeyPair
      ephemeral?: boolean
      firewalled?: boolean
      quickFirewall?: boolean
      connectionKeepAlive?: number | false
      randomPunchInterval?: number
      /** Known nodes beside those of `bootstrap`. */
      nodes?: Address[]
      /** Times requests by the round trips measured, instead of by seconds. */
      adaptiveTimeout?: { min?: number; max?: number; jitter?: number; fallback?: number[] }
    }
    interface RawStream {
      /** Smoothed round-trip time in milliseconds. This and the counters are those of UDP. */
      rtt?: number
      remoteHost: string
      remotePort: number
      /** Null until it is connected. */
      readonly socket: object | null
      readonly bytesTransmitted?: number
      readonly bytesReceived?: number
      readonly packetsTransmitted?: number
      /** Undefined over a socket of this machine. */
      readonly packetsReceived: number | undefined
      readonly retransmits?: number
      /** Bytes that were sent and not acknowledged. */
      readonly inflight?: number
    }
    /** Sends to and receives from one address, once it is connected. */
    interface UdxStream extends Duplex {
      readonly connected: boolean
      connect(socket: object, remoteId: number, port: number, host: string): void
    }
    interface NoiseSecretStream extends Duplex {
      publicKey: Buffer
      remotePublicKey: Buffer
      handshakeHash: Buffer
      isInitiator: boolean
      opened: Promise<boolean>
      /** Both sides have proven their keys. */
      connected: boolean
      rawStream: RawStream
      readonly rawBytesRead: number
      readonly rawBytesWritten: number
      setKeepAlive(ms: number): void
      sendKeepAlive(): void
    }
    interface ConnectOptions {
      keyPair?: KeyPair
      relayThrough?: Buffer | Buffer[] | null
      relayAddresses?: Address[]
      /** Tries the route in `_socketPool` first. */
      reusableSocket?: boolean
      /** Asked when both kinds of NAT are known: 1 open, 2 one port for all, 3 random ports. */
      holepunch?: (remoteFirewall: number, localFirewall: number) => boolean
      createSecretStream?: MakeStream
    }
    type MakeStream = (
      isInitiator: boolean,
      rawStream: Duplex | null,
      options: object
    ) => NoiseSecretStream
    interface ServerOptions {
      firewall?(remotePublicKey: Buffer, payload: unknown, address: Address): boolean
      shareLocalAddress?: boolean
      relayThrough?: Buffer | Buffer[] | null
      holepunch?: () => boolean
      createSecretStream?: MakeStream
    }
    interface Server {
      listen(keyPair?: KeyPair): Promise<void>
      close(): Promise<void>
      refresh(): void
      publicKey: Buffer
      relayAddresses: Address[]
      /** Private: pings the nodes that lead to this server, and sleeps between. */
      readonly _announcer: { readonly _sleeper: Sleeper } | null
    }
    interface Sleeper {
      pause(ms: number): Promise<void>
      resume(): void
      /** Ours: its pauses are longer. */
      isSlow?: boolean
    }
    interface LookupReply {
      peers: { publicKey: Buffer; relayAddresses: Address[] }[]
    }
    interface Query extends AsyncIterable<LookupReply> {
      /** Nodes that have answered. */
      readonly successes: number
      finished(): Promise<void>
      destroy(): void
    }
  }

  class DHT extends EventEmitter {
    constructor(options?: DHT.Options)
    static keyPair(seed?: Buffer): DHT.KeyPair
    static bootstrapper(port: number, host: string, options?: DHT.Options): DHT
    /** The nodes of the public DHT, as `address@name:port`. */
    static readonly BOOTSTRAP: readonly string[]
    /** The NAT gives a random port to each destination. */
    readonly randomized: boolean
    /** Nothing comes in that was not asked for, as far as is known. */
    readonly firewalled: boolean
    /** The NAT or the network looks as if nothing gets out. */
    readonly online: boolean
    readonly listening: Set<DHT.Server>
    /** Addresses by key in hex. Private, and there is no other way to forget one. */
    readonly _relayAddressesCache: { delete(key: string): void }
    /** With which it dials when no other is given, as a relay. */
    defaultKeyPair: DHT.KeyPair
    /** Ways that `connect` tries first when it may reuse sockets, by key in hex. */
    readonly _socketPool: {
      /** Null for a socket that no punch has opened. */
      lookup(socket: object): object | null
      routes: {
        _routes: Map<string, { socket: object; address: Address; gc: () => void }>
      }
    }
    /** Asks others to reach this node from outside, and remembers whether they could. */
    _updateNetworkState(onlyFirewall: boolean): Promise<boolean>
    bind(): Promise<void>
    /** Looks for more nodes, in the background. */
    refresh(): void
    fullyBootstrapped(): Promise<void>
    /** Where others reach this node; null behind a NAT or firewall. */
    remoteAddress(): DHT.Address | null
    toArray(options?: { limit?: number }): DHT.Address[]
    /** Asks it with the others from now on. */
    addNode(node: DHT.Address): void
    address(): DHT.Address
    announce(topic: Buffer, keyPair: DHT.KeyPair, relayAddresses?: DHT.Address[]): DHT.Query
    unannounce(topic: Buffer, keyPair: DHT.KeyPair): Promise<void>
    /** Answers of other nodes, since the start. */
    readonly stats: { requests: { responses: number } }
    lookup(topic: Buffer): DHT.Query
    /** `to`: our own address as the node saw it. Rejects when nothing answers within a second. */
    ping(node: DHT.Address, options?: { retry?: boolean }): Promise<{ to: DHT.Address }>
    connect(publicKey: Buffer, options?: DHT.ConnectOptions): DHT.NoiseSecretStream
    createServer(
      options?: DHT.ServerOptions,
      onconnection?: (stream: DHT.NoiseSecretStream) => void
    ): DHT.Server
    createRawStream(options?: object): UdxStream
    destroy(options?: { force?: boolean }): Promise<void>
  }
  export = DHT
}

declare module '@hyperswarm/secret-stream' {
  import type { Duplex } from 'node:stream'
  import type DHT from 'hyperdht'

  interface Options {
    pattern?: 'IK' | 'XX'
    keyPair?: DHT.KeyPair
    remotePublicKey?: Buffer
    /** In milliseconds. */
    keepAlive?: number
  }
  interface SecretStream extends DHT.NoiseSecretStream {
    /** Private: what came over the connection, before it is read. */
    _onrawdata(data: Buffer): void
  }
  const SecretStream: new (
    isInitiator: boolean,
    rawStream: Duplex | null,
    options?: Options
  ) => SecretStream
  export = SecretStream
}

declare module 'protomux' {
  import type DHT from 'hyperdht'
  import type { Encoding } from 'compact-encoding'

  namespace Protomux {
    interface Channel {
      open(): void
      close(): void
      fullyOpened(): Promise<boolean>
      readonly drained: boolean
      readonly opened: boolean
      readonly closed: boolean
      readonly messages: { send(value: unknown): boolean }[]
    }
    interface ChannelOptions {
      protocol: string
      unique?: boolean
      messages: {
        encoding: unknown
        autoBatch?: boolean
        onmessage?(value: never): void
      }[]
      onclose?(isRemote: boolean): void
      ondrain?(): void
    }
  }
  class Protomux {
    static from(stream: unknown): Protomux
    readonly stream: DHT.NoiseSecretStream
    /** False while the stream keeps what was written. */
    readonly drained: boolean
    pair(protocol: { protocol: string }, notify: () => void): void
    unpair(protocol: { protocol: string }): void
    createChannel(options: Protomux.ChannelOptions): Protomux.Channel | null
  }
  export = Protomux
}

declare module 'protomux-rpc' {
  import type { EventEmitter } from 'node:events'
  import type Protomux from 'protomux'
  import type DHT from 'hyperdht'

  interface RequestOptions {
    timeout?: number
  }
  class ProtomuxRPC extends EventEmitter {
    constructor(stream: DHT.NoiseSecretStream, options?: { id?: Buffer; valueEncoding?: unknown })
    readonly mux: Protomux
    readonly stream: DHT.NoiseSecretStream
    readonly opened: boolean
    readonly closed: boolean
    respond(method: string, handler: (value: Buffer) => Promise<Buffer> | Buffer): this
    unrespond(method: string): this
    request(method: string, value: Buffer, options?: RequestOptions): Promise<Buffer>
    event(method: string, value: Buffer): void
    destroy(error?: Error): void
  }
  export = ProtomuxRPC
}

declare module '@hyperswarm/rpc' {
  import type { EventEmitter } from 'node:events'
  import type DHT from 'hyperdht'
  import type ProtomuxRPC from 'protomux-rpc'

  namespace RPC {
    interface Client extends EventEmitter {
      readonly rpc: ProtomuxRPC
      readonly stream: DHT.NoiseSecretStream
      readonly closed: boolean
      destroy(error?: Error): void
    }
    interface Server extends EventEmitter {
      readonly publicKey: Buffer
      readonly connections: Set<ProtomuxRPC>
      listen(keyPair?: DHT.KeyPair): Promise<void>
      close(): Promise<void>
      on(event: 'connection', listener: (rpc: ProtomuxRPC) => void): this
    }
  }
  class RPC {
    constructor(options: { dht: DHT; keyPair: DHT.KeyPair; valueEncoding?: unknown })
    connect(publicKey: Buffer, options?: DHT.ConnectOptions): RPC.Client
    createServer(options?: DHT.ServerOptions): RPC.Server
    destroy(options?: { force?: boolean }): Promise<void>
  }
  export = RPC
}

declare module 'blind-relay' {
  import type { Readable } from 'node:stream'
  import type DHT from 'hyperdht'

  /** One end of a connection that is forwarded. */
  interface RawRelayStream {
    readonly bytesReceived: number
    once(event: 'close', listener: () => void): this
    destroy(): void
  }
  interface PairRequest {
    token: Buffer
  }
  interface Session {
    on(event: 'error', listener: (error: Error) => void): this
    on(
      event: 'pair',
      listener: (isInitiator: boolean, token: Buffer, stream: RawRelayStream) => void
    ): this
    destroy(): void
    /** Private: the message by which a pair is asked for, and the pairs that are waited for. */
    readonly _pair: { onmessage: (request: PairRequest, channel: unknown) => void }
    readonly _pairing: Set<unknown>
  }
  export class Server {
    constructor(options: { createStream(options: object): unknown })
    readonly sessions: Iterable<Session>
    /** Private: pairs of which one half has come, by token in hex. */
    readonly _pairing: Map<string, { links: ({ session: Session } | null)[] }>
    accept(stream: DHT.NoiseSecretStream, options: { id: Buffer }): Session
  }
  export class Client {
    static from(stream: DHT.NoiseSecretStream, options: { id: Buffer }): Client
    pair(isInitiator: boolean, token: Buffer, stream: { readonly connected: boolean }): Readable
  }
}

declare module 'z32' {
  export function encode(buffer: Buffer): string
  export function decode(text: string): Buffer
}

declare module 'hyperdht/lib/holepuncher.js' {
  interface Holepuncher {
    /** False when it has ended, either way. */
    punching: boolean
    readonly socket: {
      send(bytes: Buffer, port: number, host: string, ttl: number): Promise<unknown>
    }
    readonly _sleeper: { pause(ms: number): Promise<void> }
    /** Tries random ports of the other side's address, and gives up after a while. */
    _randomProbes(this: Holepuncher, address: { host: string }): Promise<void>
    _autoDestroy(): void
  }
  const Holepuncher: { prototype: Holepuncher }
  export default Holepuncher
}

declare module 'sodium-universal' {
  const sodium: {
    crypto_sign_detached(signature: Uint8Array, message: Uint8Array, secretKey: Uint8Array): void
    crypto_sign_verify_detached(
      signature: Uint8Array,
      message: Uint8Array,
      publicKey: Uint8Array
    ): boolean
  }
  export default sodium
}
