/**
 * The place of a process in the mesh, from which a service is made: its home, its keys, its log,
 * and how it joins. Made once for each service, by what composes the process.
 */
import { existsSync } from 'node:fs'
import { availableParallelism, hostname, totalmem } from 'node:os'
import process from 'node:process'
import type { PeerReport } from '#shared/contracts/peers/peers.ts'
import type { PeerRole } from '#shared/contracts/peers/role.ts'
import { HaifError, toHaifError } from '#shared/errors.ts'
import type { JoinMesh } from '#shared/mesh/join.ts'
import type { MeshNode } from '#shared/mesh/node.ts'
import type { Invite } from '#shared/mesh/membership/invite.ts'
import { openMesh } from '#shared/mesh/open-mesh.ts'
import { readChoice, type Environment } from '#shared/process/config.ts'
import { createLogger, LOG_LEVELS, type Logger } from '#shared/process/log.ts'
import { VERSION } from '#shared/process/version.ts'
import { Home } from './home.ts'
import { checkMachine, thisMachine } from './machine-mark.ts'
import {
  addressOf,
  hasJoined,
  hasRedeemed,
  joinSeat,
  seatHere,
  type JoinHooks,
  type Seat
} from './seat.ts'

export interface Place extends Seat {
  home: Home
  join: JoinMesh
  /** The service's report about itself. */
  self: PeerReport
  log: Logger
}

interface PlaceOptions {
  home: Home
  /** The DHT node of the process, where several services run in it; absent: one of its own. */
  node?: MeshNode
  role: PeerRole
  log: Logger
  env: Environment
}

/**
 * Reads `HAIF_TOPIC_KEY` and `HAIF_TOPIC_KEY_FILE` (an invite, for the first start), `HAIF_HOME`
 * (keys, models), `LOG_LEVEL` (info), and the settings of `placeIn`. Waits where a person has to
 * approve this machine first.
 */
export async function placeFromEnvironment(env: Environment, role: PeerRole): Promise<Place> {
  const home = new Home(env)
  const log = createLogger(readChoice(env, 'LOG_LEVEL', LOG_LEVELS, 'info'), role)
  return placeIn({ home, role, log, env }, await seatFromEnvironment({ home, role, log, env }))
}

async function seatFromEnvironment({ home, role, log, env }: PlaceOptions): Promise<Seat> {
  let said = ''
  return takeSeat(
    { home, role, log, invite: home.invite(undefined, env), isNew: false },
    {
      localSockets: usesLocalSockets(env),
      signal: new AbortController().signal,
      onWaiting: (name) =>
        log.warn({ name }, `waits to be approved: "haif approve ${name}" where the mesh runs`),
      onAway(reason) {
        if (reason !== said) log.warn(`not in the mesh yet: ${reason}; still trying`)
        said = reason
      }
    }
  )
}

export interface SeatWish extends Omit<PlaceOptions, 'env' | 'node'> {
  /** Null: the mesh is the one that this machine last started or joined. */
  invite: Invite | null
  /** True: redeem it, even where this machine is in that mesh already with another one. */
  isNew: boolean
}

export async function takeSeat(wish: SeatWish, hooks: JoinHooks): Promise<Seat> {
  const { home, invite, isNew } = wish
  if (invite === null) return seatInKnownMesh(wish)
  const kept = isNew && !hasRedeemed(wish, invite) ? null : keptSeat(wish, invite)
  if (kept === null) return newSeat(wish, invite, hooks)
  if (kept.membership.authority === null) home.mesh.remember(kept.address)
  return kept
}

async function newSeat(wish: SeatWish, invite: Invite, hooks: JoinHooks): Promise<Seat> {
  try {
    return await joinSeat({ ...wish, ...hooks, invite })
  } catch (error) {
    const isUsed = toHaifError(error).code === 'INVITE_USED'
    const isIn = hasRedeemed(wish, invite) && hasJoined({ ...wish, address: addressOf(invite) })
    throw isUsed && isIn ? alreadyRuns(wish) : error
  }
}

/** An invite is at hand, so a certificate that does not count any more is no failure. */
function keptSeat({ home, role, log }: SeatWish, invite: Invite): Seat | null {
  try {
    return seatHere({ home, role, log, address: addressOf(invite) })
  } catch (error) {
    log.info({ err: error }, 'joining anew')
    return null
  }
}

/** The seat in the mesh that this machine last started or joined. */
function seatInKnownMesh({ home, role, log }: SeatWish): Seat {
  const { address } = home.mesh
  if (address === null) throw noMesh(home)
  const seat = seatHere({ home, role, log, address })
  if (seat !== null) return seat
  if (hasJoined({ home, role, address })) throw alreadyRuns({ home, role })
  const what =
    role === 'client'
      ? 'this machine has joined the mesh, but may not ask it: run "haif invite --role client" ' +
        'where the mesh runs, and give the topic key that it prints to this command once: ' +
        '--topic-key haif_…'
      : `this machine has not joined the mesh as a ${role}: join with a topic key of ` +
        `"haif invite --role ${role}"`
  throw new HaifError('INVITE_ROLE', what)
}

function alreadyRuns({ home, role }: Pick<SeatWish, 'home' | 'role'>): HaifError {
  const what =
    role === 'client'
      ? `as many commands ask from ${home.folder} as may at the same time: let one of them end`
      : `a ${role} runs on ${home.folder} already: stop it first, or join with a new invite for ` +
        'one beside it'
  return new HaifError('HOME_IN_USE', what)
}

function noMesh({ oldTopicKeyFile }: Home): HaifError {
  return existsSync(oldTopicKeyFile)
    ? new HaifError(
        'TOPIC_KEY_OLD',
        'this machine joined its mesh before HAIF had invites: run "haif invite" where the mesh ' +
          'runs, and join with the topic key that it prints'
      )
    : new HaifError(
        'CONFIG_INVALID',
        'this machine knows no mesh yet: start one with "haif up", or join one with "haif join <topic key>"'
      )
}

/** `HAIF_LOCAL_SOCKETS`: `off` keeps peers of one machine from talking over its local sockets. */
export const usesLocalSockets = (env: Environment): boolean =>
  readChoice(env, 'HAIF_LOCAL_SOCKETS', ['on', 'off'], 'on') === 'on'

const checked = new WeakSet<Home>()

/** Once for all services of a process. */
function sayWhereItWasMade(home: Home, log: Logger): void {
  if (checked.has(home)) return
  checked.add(home)
  const elsewhere = checkMachine(home.folder, thisMachine(home.folder))
  if (elsewhere !== null) log.warn({}, elsewhere)
}

export function placeIn({ home, node, role, log, env }: PlaceOptions, seat: Seat): Place {
  sayWhereItWasMade(home, log)
  const hardware = {
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    platform: `${process.platform}-${process.arch}`
  }
  const neighbours = (sought: string) => home.keysOf(sought)
  const localSockets = usesLocalSockets(env)
  const shared = node === undefined ? {} : { node }
  const { tlsRelays } = home
  const member = { ...shared, ...seat, tlsRelays, role, localSockets, neighbours, log }
  const join: JoinMesh = (router, extras) => openMesh({ ...member, router, ...extras })
  const self = { host: hostname(), version: VERSION, hardware }
  return { ...seat, home, join, self, log }
}
