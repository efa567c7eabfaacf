/**
 * The HTTP API of a mesh on a machine that has joined it as a worker: its programs have an address
 * of their own, whatever becomes of the bridge of the machine where the mesh runs.
 */
import { HaifError } from '#shared/errors.ts'
import type { Home } from '#shared/main/home.ts'
import { placeIn } from '#shared/main/place.ts'
import { seatHere } from '#shared/main/seat.ts'
import type { MeshAddress } from '#shared/mesh/discovery/mesh-address.ts'
import type { MeshNode } from '#shared/mesh/node.ts'
import { readChoice, type Environment } from '#shared/process/config.ts'
import { createLogger, LOG_LEVELS } from '#shared/process/log.ts'
import type { BridgeWishes } from '../../services/http-bridge/config.ts'
import type { HttpBridge } from '../../services/http-bridge/http-bridge.ts'

interface Beside {
  home: Home
  node: MeshNode
  env: Environment
  address: MeshAddress
}

/** Throws INVITE_ROLE where no invite of this machine has allowed it. */
export async function bridgeBeside(
  { home, node, env, address }: Beside,
  wishes: BridgeWishes
): Promise<HttpBridge> {
  const log = createLogger(readChoice(env, 'LOG_LEVEL', LOG_LEVELS, 'warn'), 'bridge')
  const seat = seatHere({ home, address, role: 'bridge', log })
  if (seat === null) {
    throw new HaifError(
      'INVITE_ROLE',
      'this machine may not serve the HTTP API of the mesh, or does so already: join with a topic ' +
        'key of "haif invite --http", or without --http'
    )
  }
  const place = placeIn({ home, node, role: 'bridge', log, env }, seat)
  // Loaded only now: few workers have one.
  const { openHttpBridge } = await import('../../services/http-bridge/http-bridge-here.ts')
  const { createMetrics } = await import('#shared/telemetry/metrics.ts')
  return openHttpBridge({ ...place, env, wishes, metrics: createMetrics() })
}
