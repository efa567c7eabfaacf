/**
 * What a service needs to take its place in the mesh when it runs alone: its key, its log and the
 * mesh named by the environment. Read once, in `main.ts`.
 */
import { availableParallelism, hostname, totalmem } from 'node:os'
import process from 'node:process'
import type { PeerReport } from './contracts/peers.ts'
import { readChoice, type Environment } from './config.ts'
import { Home } from './home.ts'
import { createLogger, LOG_LEVELS, type Logger } from './log.ts'
import type { JoinMesh } from './mesh/join.ts'
import { openMesh } from './mesh/open-mesh.ts'
import type { PeerRole } from './mesh/role.ts'
import type { TopicKey } from './mesh/topic-key.ts'
import { VERSION } from './version.ts'

export interface Place {
  home: Home
  topicKey: TopicKey
  join: JoinMesh
  /** What the service says of itself. */
  self: PeerReport
  log: Logger
}

/** `HAIF_TOPIC_KEY`: the mesh; `HAIF_HOME`: keys and models; `LOG_LEVEL`: info. */
export function placeFromEnvironment(env: Environment, role: PeerRole): Place {
  const home = new Home(env)
  const log = createLogger(readChoice(env, 'LOG_LEVEL', LOG_LEVELS, 'info'), role)
  return placeIn({ home, topicKey: home.topicKey(undefined, env), role, log })
}

export interface PlaceOptions {
  home: Home
  topicKey: TopicKey
  role: PeerRole
  log: Logger
}

export function placeIn({ home, topicKey, role, log }: PlaceOptions): Place {
  const keyPair = home.identity(role)
  const relays = topicKey.reach === 'public' && role === 'registry' // it has met every member
  const relay = relays ? home.identity('relay') : undefined
  const hardware = {
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    platform: `${process.platform}-${process.arch}`
  }
  const join: JoinMesh = (router) =>
    openMesh({ topicKey, role, keyPair, router, log, ...(relay === undefined ? {} : { relay }) })
  return { home, topicKey, join, self: { host: hostname(), version: VERSION, hardware }, log }
}
