import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, test } from 'node:test'
import type { CreateInvite, Redeem } from '#shared/contracts/peers/members.ts'
import { HaifError } from '#shared/errors.ts'
import { temporaryIdentity } from '#shared/mesh/identity.ts'
import { decodeInvite, inviteIdOf } from '#shared/mesh/membership/invite.ts'
import { signed } from '#shared/mesh/membership/signature.ts'
import { Invites, type Entrance } from '../../../../services/registry/membership/invites.ts'
import { assertProven, Redeemer } from '../../../../services/registry/membership/redeemer.ts'
import { Shared } from '../../../helpers/peers/peers.ts'
import { openStore, STORE_KINDS, startPostgresStore } from '../../../helpers/stores/stores.ts'

const meshKey = randomBytes(32)
const ONE_WORKER: CreateInvite = { roles: ['worker'], expiresInMs: 3_600_000, usesMax: 1 }
const MANY_WORKERS: CreateInvite = { roles: ['worker'], expiresInMs: null, usesMax: null }

const entrance = (): Entrance => ({
  meshKey,
  reach: 'local',
  bootstrap: [],
  issuers: [],
  relays: [],
  tlsRelays: []
})

const shared = new Shared()
after(() => shared.end())

/** What these tests share; each makes invites of its own. */
const desk = shared.once(async (t) => {
  const { store } = await startPostgresStore(t)
  const invites = new Invites({ store, entrance, now: Date.now })
  return { store, invites, redeemer: new Redeemer({ store, now: Date.now }) }
})

const keyOf = (): string => temporaryIdentity().publicKey.toString('hex')

function asking(topicKey: string, more: Partial<Redeem> = {}): Redeem {
  const secret = decodeInvite(topicKey).secret.toString('hex')
  return { secret, keys: [{ key: keyOf(), role: 'worker' }], host: 'box', ...more }
}

const isUsed = (error: unknown): boolean =>
  error instanceof HaifError && error.code === 'INVITE_USED'

for (const { name, start } of STORE_KINDS) {
  test(`${name}: of many machines that show a single-use invite at once, one is let in`, async (t) => {
    const { store, url } = await start(t)
    const stores = [store, await openStore(t, url)]
    const redeemers = stores.map((each) => new Redeemer({ store: each, now: Date.now }))
    const invites = new Invites({ store, entrance, now: Date.now })
    const { topicKey } = await invites.create(ONE_WORKER, 'operator')
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, (_, i) => redeemers[i % 2]!.redeem(asking(topicKey)))
    )
    const reasons = results.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []))
    assert.equal(reasons.length, 7)
    for (const reason of reasons) assert.ok(isUsed(reason), String(reason))
    assert.equal((await invites.list(true))[0]?.uses, 1)
  })
}

test('an invite is found by its secret alone, and the store does not have it', async () => {
  const { store, invites } = await desk()
  const { invite, topicKey } = await invites.create(ONE_WORKER, 'operator')
  const { secret, ...told } = decodeInvite(topicKey)
  assert.equal(inviteIdOf(secret), invite.id)
  assert.deepEqual(told.roles, ['worker'])
  assert.deepEqual(told.meshKey, meshKey)
  const rows = JSON.stringify(await store.query('select * from invites'))
  assert.ok(!rows.includes(secret.toString('hex')))
  assert.ok(!rows.includes(secret.toString('base64')))
})

test('the same machine may ask again, and burns nothing', async () => {
  const { invites, redeemer } = await desk()
  const { topicKey } = await invites.create({ ...ONE_WORKER, name: 'office-pc' }, 'operator')
  const request = asking(topicKey)
  const first = await redeemer.redeem(request)
  assert.equal(first.name, 'office-pc')
  assert.deepEqual(await redeemer.redeem(request), first)
  await assert.rejects(redeemer.redeem(asking(topicKey)), isUsed)
  const [known] = request.keys
  const grown = { ...request, keys: [known!, { key: keyOf(), role: 'worker' as const }] }
  await assert.rejects(redeemer.redeem(grown), isUsed) // with one key more it is not that machine
})

test('machines with one host name get names of their own', async () => {
  const { invites, redeemer } = await desk()
  const { topicKey } = await invites.create(MANY_WORKERS, 'operator')
  const host = "Anna's MacBook.local"
  const members = await Promise.all(
    Array.from({ length: 4 }, () => redeemer.redeem(asking(topicKey, { host })))
  )
  const names = members.map((member) => member.name).toSorted()
  assert.deepEqual(names, [
    'Anna-s-MacBook',
    'Anna-s-MacBook-2',
    'Anna-s-MacBook-3',
    'Anna-s-MacBook-4'
  ])
  const other = await redeemer.redeem(
    asking(topicKey, { host: '...', name: 'box_1%'.replace('%', '') })
  )
  assert.equal(other.name, 'box_1')
})

test('an invite for several machines or without an end is for workers only', async () => {
  const { invites } = await desk()
  const refuses = (wish: CreateInvite, message: RegExp) =>
    assert.rejects(invites.create(wish, 'operator'), (error) => {
      assert.ok(error instanceof HaifError)
      assert.equal(error.code, 'VALIDATION_FAILED')
      assert.match(error.message, message)
      return true
    })
  await refuses({ ...MANY_WORKERS, roles: ['gateway'] }, /for one machine and at most 30 days/)
  await refuses({ ...ONE_WORKER, roles: ['worker', 'client'], usesMax: 2 }, /a client is for one/)
  await refuses({ ...ONE_WORKER, roles: ['registry'] }, /joins with no invite/)
})

test('an invite that was withdrawn is listed no more and lets nobody in', async () => {
  const { invites, redeemer } = await desk()
  const { invite, topicKey } = await invites.create(MANY_WORKERS, 'operator')
  const isListed = async () => (await invites.list(false)).some(({ id }) => id === invite.id)
  assert.ok(await isListed())
  await invites.remove(invite.id)
  assert.ok(!(await isListed()))
  await assert.rejects(redeemer.redeem(asking(topicKey)), /withdrawn/)
  await assert.rejects(invites.remove(invite.id), /there is no invite/)
})

test('a key that its owner has not proven gets no certificate', () => {
  const [own, other] = [temporaryIdentity(), temporaryIdentity()]
  const connection = own.publicKey.toString('hex')
  const key = (pair: typeof own, proof?: Buffer) => ({
    key: pair.publicKey.toString('hex'),
    role: 'client' as const,
    ...(proof === undefined ? {} : { proof: proof.toString('hex') })
  })
  const proof = signed('key', own.publicKey, other)
  assertProven([key(own), key(other, proof)], connection)
  const stolen = signed('key', randomBytes(32), other) // made for another connection
  for (const keys of [
    [key(other, proof)],
    [key(own), key(other)],
    [key(own), key(other, stolen)],
    [key(own), key(other, signed('key', own.publicKey, own))],
    [key(own), key(own)]
  ]) {
    assert.throws(() => assertProven(keys, connection), /has not proven/)
  }
})
