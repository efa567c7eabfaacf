/** A machine joins over the network, and every refusal has its own code and sentence. */
import assert from 'node:assert/strict'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { after, test } from 'node:test'
import type { CreateInvite } from '#shared/contracts/peers/members.ts'
import type { ErrorCode } from '#shared/errors.ts'
import { Home } from '#shared/main/home.ts'
import { placeIn, takeSeat, type SeatWish } from '#shared/main/place.ts'
import { seatHere, type Seat } from '#shared/main/seat.ts'
import { meshName } from '#shared/mesh/membership/credentials.ts'
import { decodeInvite, encodeInvite } from '#shared/mesh/membership/invite.ts'
import { openMesh, openNode } from '#shared/mesh/open-mesh.ts'
import { silentLogger } from '#shared/process/log.ts'
import { bridgeBeside } from '../../../../cli/up/bridge-beside.ts'
import type { MembershipDesk } from '../../../../services/registry/membership/membership-desk.ts'
import { Members } from '../../../../services/registry/membership/members.ts'
import { openRegistry } from '../../../../services/registry/registry-here.ts'
import { temporaryHome } from '../../../helpers/cli.ts'
import { rootEnv } from '../../../helpers/peers/mesh-root.ts'
import { atEnd, Shared, startDht, type Scope } from '../../../helpers/peers/peers.ts'
import { startPostgresStore } from '../../../helpers/stores/stores.ts'
import { until } from '../../../helpers/until.ts'

const log = silentLogger()
const ONE_WORKER: CreateInvite = { roles: ['worker'], expiresInMs: 3_600_000, usesMax: 1 }
const MANY_WORKERS: CreateInvite = { roles: ['worker'], expiresInMs: null, usesMax: null }

const shared = new Shared()
after(() => shared.end())

/** A registry with a store, and what an operator asks of it. */
const mesh = shared.once(async (t) => {
  const root = await startDht(t)
  const { store } = await startPostgresStore(t)
  const { desk, seat } = await startRegistry(t, rootEnv(root), store)
  const members = new Members({
    store,
    membership: seat.membership,
    isConnected: () => false,
    now: Date.now
  })
  const invite = async (wish: CreateInvite) => (await desk.invites.create(wish, 'test')).topicKey
  return { root, store, desk, members, invite }
})

async function startRegistry(
  t: Scope,
  env: { HAIF_MESH_FOLDER: string },
  store: Awaited<ReturnType<typeof startPostgresStore>>['store']
): Promise<{ desk: MembershipDesk; seat: Seat }> {
  const home = new Home({ HAIF_HOME: temporaryHome(t), ...env })
  const options = { home, role: 'registry', log } as const
  const seat = seatHere({ ...options, address: home.mesh.address! })!
  const registry = openRegistry({ ...placeIn({ ...options, env }, seat), store })
  atEnd(t, () => registry.stop())
  await registry.start()
  return { desk: registry.desk!, seat }
}

interface Joiner {
  home: Home
  waitingAs: string[]
  join: (topicKey: string, role?: SeatWish['role']) => Promise<Seat>
}

function machine(t: Scope, localSockets = true): Joiner {
  const home = new Home({ HAIF_HOME: temporaryHome(t) })
  const waitingAs: string[] = []
  const hooks = {
    localSockets,
    signal: AbortSignal.timeout(60_000),
    onWaiting: (name: string) => void waitingAs.push(name),
    onAway: () => {}
  }
  const join = async (topicKey: string, role: SeatWish['role'] = 'worker') =>
    takeSeat({ home, role, log, invite: decodeInvite(topicKey), isNew: true }, hooks)
  return { home, waitingAs, join }
}

const refusedBy = (joining: Promise<unknown>, code: ErrorCode, message: RegExp) =>
  assert.rejects(joining, (error: { code?: string; message: string }) => {
    assert.equal(error.code, code, error.message)
    assert.match(error.message, message)
    return true
  })

test('a machine gets its certificate once, keeps it to itself, and goes on without an invite', async (t) => {
  const { root, invite } = await mesh()
  const topicKey = await invite({ ...ONE_WORKER, name: 'office-pc' })
  const { home, join: joinWith } = machine(t)
  const seat = await joinWith(topicKey)
  assert.equal(seat.membership.certificate.name, 'office-pc')
  assert.deepEqual(seat.membership.certificate.roles, ['worker'])
  assert.equal(seat.membership.authority, null)
  const name = meshName(seat.address.mesh)
  for (const file of [`worker.${name}.credentials`, 'worker.key']) {
    assert.equal(statSync(join(home.folder, 'keys', file)).mode & 0o777, 0o600)
  }
  assert.ok(!existsSync(home.mesh.rootFile))
  assert.deepEqual(home.mesh.address?.bootstrap, root.bootstrap)
  const again = new Home({ HAIF_HOME: home.folder })
  assert.deepEqual(again.mesh.address?.mesh, seat.address.mesh)
})

test('an invite for a worker with a bridge certifies both at once, and one without does not', async (t) => {
  const { invite } = await mesh()
  const home = async (roles: CreateInvite['roles']) => {
    const joiner = machine(t)
    const { address } = await joiner.join(await invite({ ...ONE_WORKER, roles }))
    return { home: joiner.home, address, log }
  }
  const both = seatHere({ ...(await home(['worker', 'bridge'])), role: 'bridge' })
  assert.deepEqual(both!.membership.certificate.roles, ['bridge'])
  const alone = await home(['worker'])
  const node = openNode(alone.address)
  atEnd(t, () => node.dht.destroy({ force: true }))
  const beside = bridgeBeside({ ...alone, node, env: {} }, { port: 0 })
  await refusedBy(beside, 'INVITE_ROLE', /haif invite --http/)
})

test('what a machine that runs as a worker already may not do is said', async (t) => {
  const { invite } = await mesh()
  const topicKey = await invite(ONE_WORKER)
  const { home, join: joinWith } = machine(t)
  await joinWith(topicKey)
  const hooks = {
    localSockets: true,
    signal: AbortSignal.timeout(60_000),
    onWaiting: () => {},
    onAway: () => {}
  }
  const goesOn = (role: SeatWish['role']) =>
    takeSeat({ home, role, log, invite: null, isNew: false }, hooks)
  await refusedBy(joinWith(topicKey), 'HOME_IN_USE', /a worker runs on .* already: stop it first/)
  await refusedBy(goesOn('worker'), 'HOME_IN_USE', /join with a new invite for one beside it/)
  await refusedBy(
    goesOn('client'),
    'INVITE_ROLE',
    /may not ask it: run "haif invite --role client"/
  )
})

test('used, for another role, unknown, withdrawn and expired are told apart', async (t) => {
  const { desk, invite } = await mesh()
  const used = await invite({ ...ONE_WORKER, name: 'first' })
  await machine(t).join(used)
  await refusedBy(machine(t).join(used), 'INVITE_USED', /already been used, last by first on /)

  const forWorkers = await invite(ONE_WORKER)
  const asGateway = machine(t).join(forWorkers, 'gateway')
  await refusedBy(asGateway, 'INVITE_ROLE', /as worker, and not as gateway/)

  const known = decodeInvite(forWorkers)
  const unknown = encodeInvite({ ...known, secret: Buffer.alloc(16, 1) })
  await refusedBy(machine(t).join(unknown), 'INVITE_UNKNOWN', /knows no such topic key/)

  const { invite: entry, topicKey } = await desk.invites.create(MANY_WORKERS, 'test')
  await desk.invites.remove(entry.id)
  await refusedBy(machine(t).join(topicKey), 'INVITE_REVOKED', /was withdrawn/)

  const short = await invite({ ...ONE_WORKER, expiresInMs: 1000 })
  await until(() => decodeInvite(short).expiresAt! < Date.now())
  await refusedBy(machine(t).join(short), 'INVITE_EXPIRED', /has expired/)
})

test('an invite to another mesh is not redeemed where its registry once was', async (t) => {
  const { invite } = await mesh()
  const ours = decodeInvite(await invite(ONE_WORKER))
  const theirs = encodeInvite({ ...ours, meshKey: Buffer.alloc(32, 9) })
  await refusedBy(machine(t).join(theirs), 'WRONG_MESH', /another mesh/)
})

test('a machine that has to be approved waits; refused is told apart', async (t) => {
  const { members, invite } = await mesh()
  const asked = { ...ONE_WORKER, approve: true }
  const [wanted, unwanted] = [machine(t), machine(t)]
  const joining = wanted.join(await invite({ ...asked, name: 'wanted' }))
  const refused = unwanted.join(await invite({ ...asked, name: 'unwanted' }))
  refused.catch(() => {})
  await until(() => wanted.waitingAs.length + unwanted.waitingAs.length === 2)
  assert.deepEqual([wanted.waitingAs, unwanted.waitingAs], [['wanted'], ['unwanted']])
  const waiting = await members.list(['waiting'])
  assert.deepEqual(waiting.map(({ name }) => name).toSorted(), ['unwanted', 'wanted'])
  await members.approve('wanted', 'test')
  await members.revoke('unwanted', 'test')
  assert.equal((await joining).membership.certificate.name, 'wanted')
  await refusedBy(refused, 'APPROVAL_REFUSED', /unwanted was not approved/)
})

test('a machine that was removed is told so, and comes back only with a new invite and key', async (t) => {
  const { members, invite } = await mesh()
  const topicKey = await invite({ ...ONE_WORKER, name: 'laptop' })
  const laptop = machine(t)
  const seat = await laptop.join(topicKey)
  const peer = openMesh({ ...seat, role: 'worker', log })
  atEnd(t, () => peer.stop())
  await peer.start()
  peer.follow('registry')
  await until(() => peer.links('registry').length === 1)
  const startedAt = performance.now()
  await members.revoke('laptop', 'test')
  await until(() => peer.links('registry').length === 0)
  assert.ok(performance.now() - startedAt < 2000)
  // It has read the list before it was dropped, so it knows why, also after a restart.
  const { certificate, mesh: name } = seat.membership
  await until(() => laptop.home.mesh.revocations(name) !== null)
  assert.throws(() => seat.membership.assertStands(certificate), { code: 'PEER_REVOKED' })
  await refusedBy(laptop.join(topicKey), 'INVITE_USED', /already been used/)
  const back = await laptop.join(await invite({ ...ONE_WORKER, name: 'laptop' }))
  assert.equal(back.membership.certificate.name, 'laptop')
  assert.ok(!back.membership.certificate.peer.equals(certificate.peer))
})

test('after twenty topic keys that are not good an address has to wait', async (t) => {
  const { invite } = await mesh()
  const used = await invite(ONE_WORKER)
  await machine(t).join(used)
  const good = await invite(ONE_WORKER)
  let last: { code?: string; message?: string } = {}
  for (let i = 0; i < 40 && last.code !== 'REDEEM_LIMIT'; i++) {
    last = await machine(t)
      .join(used)
      .then(
        () => ({}),
        (error: { code?: string; message?: string }) => error
      )
  }
  assert.equal(last.code, 'REDEEM_LIMIT')
  assert.match(last.message!, /wait \d+ s/)
  await refusedBy(machine(t).join(good), 'REDEEM_LIMIT', /from this address/)
})

/** Run with HAIF_SOAK=1: as many machines as a data centre that comes back after a power cut. */
const JOINS = 500

test(
  `${JOINS} machines join within a minute`,
  { skip: process.env['HAIF_SOAK'] === undefined && 'heavy: set HAIF_SOAK=1' },
  async (t) => {
    const { invite, members } = await mesh()
    const topicKey = await invite(MANY_WORKERS)
    const startedAt = performance.now()
    const seats: Seat[] = []
    const one = async () => {
      while (seats.length < JOINS) seats.push(await machine(t).join(topicKey))
    }
    await Promise.all(Array.from({ length: 8 }, one))
    const seconds = (performance.now() - startedAt) / 1000
    t.diagnostic(`${seats.length} joins in ${seconds.toFixed(1)} s`)
    assert.ok(seconds < 60)
    const names = new Set(seats.map(({ membership }) => membership.certificate.name))
    assert.equal(names.size, seats.length)
    assert.ok((await members.list()).length >= JOINS)
  }
)
