/**
 * A peer's seat in a mesh: its key, and who certified it. A machine that runs the mesh certifies
 * its own peers; any other keeps what it once got for an invite.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import type { KeyPair } from 'hyperdht'
import type { PeerRole } from '#shared/contracts/peers/role.ts'
import { HaifError, toHaifError } from '#shared/errors.ts'
import type { MeshAddress } from '#shared/mesh/discovery/mesh-address.ts'
import { loadIdentity } from '#shared/mesh/identity.ts'
import {
  credentialsFile,
  readCredentials,
  writeCredentials,
  type Credentials
} from '#shared/mesh/membership/credentials.ts'
import { inviteIdOf, type Invite } from '#shared/mesh/membership/invite.ts'
import { credentialsBy, Membership } from '#shared/mesh/membership/membership.ts'
import { readRevocations } from '#shared/mesh/membership/revocation.ts'
import type { Logger } from '#shared/process/log.ts'
import { readIfThere } from '#shared/process/secret-file.ts'
import type { Home, OwnKey } from './home.ts'
import { redeemInvite, type Admission, type OwnedKey } from './redeem-invite.ts'

export interface Seat {
  /** Where the mesh is found. */
  address: MeshAddress
  keyPair: KeyPair
  /** Who certified this peer. */
  membership: Membership
}

/** What a machine may be beside a worker, of one invite that allows both. */
const BESIDE: readonly PeerRole[] = ['bridge']

interface SeatOptions {
  home: Home
  address: MeshAddress
  role: PeerRole
  log: Logger
}

/**
 * Null when this machine neither runs the mesh nor has joined it in this role. Throws when what it
 * has does not count any more.
 */
export function seatHere(options: SeatOptions): Seat | null {
  const { home, address, role } = options
  const { mesh } = address
  if (home.authorityOf(mesh) !== null) return ownSeat(options, home.key(role).keyPair)
  const key = home.keyWith(role, (file) => isCertified(file, mesh))
  if (key === null) return null
  const seat = keptSeat(options, key)
  seat.membership.assertMember()
  return seat
}

const isCertified = (file: string, mesh: Buffer): boolean =>
  readCredentials(credentialsFile(file, mesh)) !== null

/** True also while a process holds the key; false once the key was revoked. */
export function hasJoined({ home, role, address }: Omit<SeatOptions, 'log'>): boolean {
  const { mesh } = address
  const revoked = home.mesh.revocations(mesh)?.peers
  return home.keyFiles(role).some((file) => {
    const peer = readCredentials(credentialsFile(file, mesh))?.certificate.peer.toString('hex')
    return peer !== undefined && revoked?.has(peer) !== true
  })
}

const NAME_CHARACTERS_MAX = 32

/** For a machine that runs the mesh. */
export function ownSeat({ home, address, role, log }: SeatOptions, keyPair: KeyPair): Seat {
  const { mesh } = address
  const authority = home.authorityOf(mesh)
  const revocations = home.mesh.revocations(mesh)
  const membership = new Membership({
    credentials: credentialsBy(
      authority!,
      { peer: keyPair.publicKey, roles: [role], name: hostname().slice(0, NAME_CHARACTERS_MAX) },
      revocations,
      Date.now()
    ),
    authority,
    revocations,
    acquaintances: home.mesh.acquaintances(mesh),
    keep(kept) {
      if ('revocations' in kept) home.mesh.keepRevocations(mesh, kept.revocations, log)
    }
  })
  return { address, keyPair, membership }
}

function keptSeat({ home, address, log }: SeatOptions, { file, keyPair }: OwnKey): Seat {
  const { mesh } = address
  const own = credentialsFile(file, mesh)
  const membership = new Membership({
    credentials: readCredentials(own)!,
    revocations: home.mesh.revocations(mesh),
    acquaintances: home.mesh.acquaintances(mesh),
    keep(kept) {
      if ('revocations' in kept) home.mesh.keepRevocations(mesh, kept.revocations, log)
      else keepCredentials(own, kept.credentials, log)
    }
  })
  return { address, keyPair, membership }
}

/** It is worth nothing on a read-only disk, and the next renewal is days away. */
function keepCredentials(file: string, credentials: Credentials, log: Logger): void {
  try {
    writeCredentials(file, credentials)
  } catch (error) {
    log.warn({ err: error, file }, 'cannot keep the renewed certificate')
  }
}

/** Says with which invite this machine has joined, for when the same line is run again. */
const redeemedFile = (keyFile: string, mesh: Buffer): string =>
  credentialsFile(keyFile, mesh).replace(/credentials$/, 'invite')

/** True when this machine is in the mesh with that very invite. */
export function hasRedeemed({ home, role }: Pick<SeatOptions, 'home' | 'role'>, invite: Invite) {
  const file = redeemedFile(home.keyFile(role, 1), invite.meshKey)
  return readIfThere(file) === inviteIdOf(invite.secret)
}

export interface JoinHooks {
  /** A person has to approve this machine, which is called so. */
  onWaiting: (name: string) => void
  /** No registry answers, for this reason. */
  onAway: (reason: string) => void
  localSockets: boolean
  signal: AbortSignal
}

/** Keys of the command line: as many commands may run at the same time as clients. */
const CLIENT_KEYS = 4

/** Redeems the invite, and keeps what it yields. */
export async function joinSeat(
  options: Omit<SeatOptions, 'address'> & { invite: Invite } & JoinHooks
): Promise<Seat> {
  const { home, invite, role } = options
  const address = addressOf(invite)
  if (home.authorityOf(address.mesh) !== null) return seatHere({ ...options, address })!
  assertForRole(invite, role)
  const first = freshKey(home, address, role)
  try {
    return await redeemWith(first, options)
  } catch (error) {
    if (toHaifError(error).code !== 'PEER_REVOKED') throw error
    // Somebody has invited this machine again, and its old keys stay out for good.
    for (const [file] of keysBeside(options)) renewedKey({ file }, address)
    return redeemWith(renewedKey(first, address), options)
  }
}

async function redeemWith(
  first: OwnKey,
  options: Omit<SeatOptions, 'address'> & { invite: Invite } & JoinHooks
): Promise<Seat> {
  const { home, invite, role, log } = options
  const address = addressOf(invite)
  const beside = keysBeside(options)
  const others = beside.map(([file, of]): OwnedKey => ({ role: of, keyPair: loadIdentity(file) }))
  const keys: [OwnedKey, ...OwnedKey[]] = [{ role, keyPair: loadIdentity(first.file) }, ...others]
  const { tlsRelays } = home
  const asked = { ...options, invite, keys, tlsRelays, host: hostname() }
  const admission = await redeemInvite(asked)
  keep(admission, [first.file, ...beside.map(([file]) => file)], options)
  home.mesh.remember(address)
  const seat = keptSeat({ home, address, role, log }, first)
  // It is dialled without a lookup, and knows the others.
  seat.membership.acquaintances.add({ role: 'registry', key: admission.host.toString('hex') })
  return seat
}

/** Further keys that the same invite lets in, with what each is for. */
function keysBeside({
  home,
  invite,
  role
}: Pick<SeatOptions, 'home' | 'role'> & { invite: Invite }): [string, PeerRole][] {
  if (role === 'client') {
    const numbers = Array.from({ length: CLIENT_KEYS - 1 }, (_, i) => i + 2)
    return numbers.map((number) => [home.keyFile(role, number), role])
  }
  if (role !== 'worker') return []
  const roles = BESIDE.filter((each) => invite.roles.includes(each))
  return roles.map((each) => [home.keyFile(each, 1), each])
}

function keep(
  { credentials, revocations }: Admission,
  files: readonly string[],
  { home, invite, log }: { home: Home; invite: Invite; log: Logger }
): void {
  const mesh = invite.meshKey
  for (const [i, file] of files.entries()) {
    writeCredentials(credentialsFile(file, mesh), credentials[i]!)
  }
  writeFileSync(redeemedFile(files[0]!, mesh), `${inviteIdOf(invite.secret)}\n`, { mode: 0o600 })
  if (revocations === null) return
  home.mesh.keepRevocations(mesh, readRevocations(revocations, mesh, Date.now()), log)
}

/** The first key that is free and not revoked. */
function freshKey(home: Home, address: MeshAddress, role: PeerRole): OwnKey {
  const key = home.key(role)
  const isRevoked = home.mesh
    .revocations(address.mesh)
    ?.peers.has(key.keyPair.publicKey.toString('hex'))
  return isRevoked === true ? renewedKey(key, address) : key
}

function renewedKey({ file }: Pick<OwnKey, 'file'>, { mesh }: MeshAddress): OwnKey {
  rmSync(file)
  rmSync(credentialsFile(file, mesh), { force: true })
  return { file, keyPair: loadIdentity(file) }
}

export function addressOf({ meshKey: mesh, reach, bootstrap }: Invite): MeshAddress {
  return { mesh, reach, bootstrap }
}

/** The registry would say the same, later. */
function assertForRole({ roles }: Invite, role: PeerRole): void {
  if (roles.includes(role)) return
  throw new HaifError(
    'INVITE_ROLE',
    `this topic key lets a machine in as ${roles.join(' or ')}, and not as ${role}. ` +
      `To join, ask for one of "haif invite --role ${role}"`
  )
}
