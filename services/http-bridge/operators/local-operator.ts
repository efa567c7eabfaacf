/**
 * Whoever sits at the machine of the mesh may operate it as long as nobody needs a token: the
 * console works from the first start on, and the first token closes this for good. Such a request
 * is given the operator key that the gateway of this machine has left for the `haif` command.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { accessState } from '#shared/contracts/access/access.ts'
import { nameIn } from '#shared/kit/host-name.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import { createContext } from '#shared/rpc/context.ts'
import type { RunningRequests } from '../ask/running-requests.ts'
import { isLoopback } from '../http/exposure.ts'

/** What operators see and change; everything else has the rights that anybody has here. */
const OPERATING = /^\/+v1\/+(?:admin|me|usage)(?:[/?]|$)/
/** A proxy that serves others says so in one of them. */
const OF_PROXIES = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip']
const KNOW_MS_MAX = 5000

export interface LocalOperator {
  /** The operator key of this machine; null: no gateway of the mesh runs here. */
  key(): string | null
  /** Keys of gateways that run here: no other peer may see that key. */
  gateways(): ReadonlySet<string>
}

interface LocalOperatorDeps {
  gateways: PeerPool
  /** The gateways that requests may reach now. */
  reached: () => readonly string[]
  running: RunningRequests
  operator: LocalOperator
}

export function letLocalOperate(app: FastifyInstance, deps: LocalOperatorDeps): void {
  const { gateways, reached, running, operator } = deps
  app.addHook('onRequest', async (request) => {
    if (!OPERATING.test(request.url) || !isAtThisMachine(request)) return
    const { token, fromBeyond } = running.presentedIn(request)
    if (token !== undefined || fromBeyond === true) return
    const ours = operator.gateways()
    const key = reached().every((each) => ours.has(each)) ? operator.key() : null
    if (key === null) return
    using context = createContext({ requestId: request.id, timeoutMs: KNOW_MS_MAX })
    const { tokensNeeded } = await gateways.call(accessState, {}, context)
    if (!tokensNeeded) request.headers['x-haif-token'] = key
  })
}

function isAtThisMachine({ headers, socket }: FastifyRequest): boolean {
  return (
    isLoopback(nameIn(headers.host ?? '')) &&
    isLoopback(socket.remoteAddress ?? '') &&
    OF_PROXIES.every((each) => headers[each] === undefined)
  )
}
