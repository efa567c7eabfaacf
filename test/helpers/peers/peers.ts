/** Real peers on a real DHT of this process, for tests. Everything stops with the test. */
import { randomBytes } from 'node:crypto'
import type { TestContext } from 'node:test'
import { BootstrapNodes } from '#shared/mesh/discovery/bootstrap-nodes.ts'
import { createDht } from '#shared/mesh/discovery/dht.ts'
import { Mesh, type MeshOptions } from '#shared/mesh/mesh.ts'
import type { MeshRoot } from './mesh-root.ts'
import { createContext, type RequestContext } from '#shared/rpc/context.ts'
import type { PeerLink } from '#shared/rpc/peer-link.ts'
import { silentLogger } from '#shared/process/log.ts'
import { until } from '../until.ts'
import { memberOf } from './member.ts'
import { patience } from '../deadline.ts'

/**
 * What ends things at its own end: a test, or `{ after }` of node:test for what a whole file uses.
 */
export interface Scope {
  after(end: () => Promise<void>): void
}

/**
 * What the tests of a file share: made when the first of them asks, and stopped by the `after` of
 * the file or suite.
 */
export class Shared implements Scope {
  readonly #ends: (() => Promise<void>)[] = []

  after(end: () => Promise<void>): void {
    this.#ends.push(end)
  }

  async end(): Promise<void> {
    for (const end of this.#ends.splice(0).toReversed()) await end()
  }

  once<Value>(make: (scope: Scope) => Promise<Value>): () => Promise<Value> {
    let made: Promise<Value> | undefined
    return () => (made ??= make(this))
  }
}

/** A DHT on loopback and a fresh root key. */
export async function startDht(t: Scope): Promise<MeshRoot> {
  const nodes = new BootstrapNodes({ host: '127.0.0.1', port: 0 })
  await nodes.start()
  atEnd(t, () => nodes.stop())
  return { secret: randomBytes(32), reach: 'local', bootstrap: [nodes.address] }
}

type PeerOptions = Partial<MeshOptions> & Pick<MeshOptions, 'role'>

export async function startPeer(t: Scope, topicKey: MeshRoot, options: PeerOptions): Promise<Mesh> {
  const mesh = new Mesh({
    dht: options.dht ?? createDht(topicKey),
    ...memberOf(topicKey, options.role, options.keyPair),
    lookupMs: 200,
    log: silentLogger(),
    ...options
  })
  atEnd(t, () => mesh.stop())
  await mesh.start()
  return mesh
}

/** Waits until `from` has an open connection to `to`. */
export async function linkBetween(from: Mesh, to: Mesh): Promise<PeerLink> {
  await until(() => from.link(to.key) !== undefined)
  return from.link(to.key)!
}

/** A request context that lasts for the test. */
export function contextFor(t: TestContext, timeoutMs = 20_000): RequestContext & Disposable {
  const context = createContext({ timeoutMs: patience(timeoutMs) })
  t.after(() => context[Symbol.dispose]())
  return context
}

const endings = new WeakMap<Scope, (() => Promise<void>)[]>()

/** Like `t.after`, but last in, first out: a peer stops before the DHT it lives on. */
export function atEnd(t: Scope, stop: () => Promise<void>): void {
  const known = endings.get(t)
  if (known !== undefined) {
    known.push(stop)
    return
  }
  const stops = [stop]
  endings.set(t, stops)
  t.after(async () => {
    for (const each of stops.toReversed()) await each()
  })
}
