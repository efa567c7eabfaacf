/**
 * The place of a process in the mesh, from which a service is made: its home, its keys, its log,
 * and how it joins. Made once for each service, by what composes the process.
 */
import { availableParallelism, hostname, totalmem } from 'node:os'
import process from 'node:process'
import type { PeerReport } from '#shared/contracts/peers/peers.ts'
import type { PeerRole } from '#shared/contracts/peers/role.ts'
import type { TopicKey } from '#shared/mesh/discovery/topic-key.ts'
import type { JoinMesh } from '#shared/mesh/join.ts'
import type { MeshNode } from '#shared/mesh/node.ts'
import { openMesh } from '#shared/mesh/open-mesh.ts'
import { readChoice, type Environment } from '#shared/process/config.ts'
import { createLogger, LOG_LEVELS, type Logger } from '#shared/process/log.ts'
import { VERSION } from '#shared/process/version.ts'
import { Home } from './home.ts'
import { membershipHere } from './membership-here.ts'

export interface Place {
  home: Home
  topicKey: TopicKey
  join: JoinMesh
  /** The service's report about itself. */
  self: PeerReport
  log: Logger
}

/**
 * Reads `HAIF_TOPIC_KEY` (the mesh), `HAIF_HOME` (keys, models), `LOG_LEVEL` (info), and the
 * settings of `placeIn`.
 */
export function placeFromEnvironment(env: Environment, role: PeerRole): Place {
  const home = new Home(env)
  const log = createLogger(readChoice(env, 'LOG_LEVEL', LOG_LEVELS, 'info'), role)
  return placeIn({ home, topicKey: home.topicKey(undefined, env), role, log, env })
}

interface PlaceOptions {
  home: Home
  topicKey: TopicKey
  /** The DHT node of the process, where several services run in it; absent: one of its own. */
  node?: MeshNode
  role: PeerRole
  log: Logger
  env: Environment
}

/** `HAIF_LOCAL_SOCKETS`: `off` keeps peers of one machine from talking over its local sockets. */
export function placeIn({ home, topicKey, node, role, log, env }: PlaceOptions): Place {
  const keyPair = home.identity(role)
  const hardware = {
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    platform: `${process.platform}-${process.arch}`
  }
  const localSockets = readChoice(env, 'HAIF_LOCAL_SOCKETS', ['on', 'off'], 'on') === 'on'
  const neighbours = (sought: string) => home.keysOf(sought)
  const membership = membershipHere({ home, topicKey, role, keyPair, log })
  const shared = node === undefined ? {} : { node }
  const relays = home.tlsRelays(env)
  const tlsRelays = () => relays
  const member = {
    ...shared,
    tlsRelays,
    topicKey,
    role,
    keyPair,
    membership,
    localSockets,
    neighbours,
    log
  }
  const join: JoinMesh = (router, extras) => openMesh({ ...member, router, ...extras })
  return { home, topicKey, join, self: { host: hostname(), version: VERSION, hardware }, log }
}
