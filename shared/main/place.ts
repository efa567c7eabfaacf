/**
 * What a service needs to take its place in the mesh when it runs alone: its key, its log and the
 * mesh named by the environment. Read once, in `main.ts`.
 */
import { availableParallelism, hostname, totalmem } from 'node:os'
import process from 'node:process'
import type { PeerReport } from '#shared/contracts/peers/peers.ts'
import { readChoice, type Environment } from '#shared/process/config.ts'
import { Home } from './home.ts'
import { createLogger, LOG_LEVELS, type Logger } from '#shared/process/log.ts'
import type { JoinMesh } from '#shared/mesh/join.ts'
import { openMesh } from '#shared/mesh/open-mesh.ts'
import type { PeerRole } from '#shared/contracts/peers/role.ts'
import type { TopicKey } from '#shared/mesh/discovery/topic-key.ts'
import { VERSION } from '#shared/process/version.ts'

export interface Place {
  home: Home
  topicKey: TopicKey
  join: JoinMesh
  /** What the service says of itself. */
  self: PeerReport
  log: Logger
}

/** `HAIF_TOPIC_KEY`: the mesh; `HAIF_HOME`: keys and models; `LOG_LEVEL`: info. See `placeIn` too. */
export function placeFromEnvironment(env: Environment, role: PeerRole): Place {
  const home = new Home(env)
  const log = createLogger(readChoice(env, 'LOG_LEVEL', LOG_LEVELS, 'info'), role)
  return placeIn({ home, topicKey: home.topicKey(undefined, env), role, log, env })
}

export interface PlaceOptions {
  home: Home
  topicKey: TopicKey
  role: PeerRole
  log: Logger
  env: Environment
}

/** `HAIF_LOCAL_SOCKETS`: whether to talk to peers of this machine over sockets of it; on. */
export function placeIn({ home, topicKey, role, log, env }: PlaceOptions): Place {
  const keyPair = home.identity(role)
  const relays = topicKey.reach === 'public' && role === 'registry' // it has met every member
  const relay = relays ? home.identity('relay') : undefined
  const hardware = {
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    platform: `${process.platform}-${process.arch}`
  }
  const localSockets = readChoice(env, 'HAIF_LOCAL_SOCKETS', ['on', 'off'], 'on') === 'on'
  const member = { topicKey, role, keyPair, localSockets, log }
  const join: JoinMesh = (router) =>
    openMesh({ ...member, router, ...(relay === undefined ? {} : { relay }) })
  return { home, topicKey, join, self: { host: hostname(), version: VERSION, hardware }, log }
}
