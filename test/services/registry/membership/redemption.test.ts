import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HaifError, type ErrorCode } from '#shared/errors.ts'
import {
  redemption,
  type InviteRow,
  type MemberRow
} from '../../../../services/registry/membership/redemption.ts'

const NOW = Date.UTC(2026, 10, 28, 12)
const minutes = (count: number) => new Date(NOW + count * 60_000)

const invite: InviteRow = {
  secret_hash: 'hash',
  id: '5f3a9c1e',
  roles: ['worker'],
  name: 'office-pc',
  uses_max: 1,
  uses: 0,
  approve: false,
  created_by: 'operator',
  created_at: minutes(-10),
  expires_at: minutes(50),
  removed_at: null
}
const member: MemberRow = {
  id: 1,
  name: 'office-pc',
  roles: ['worker'],
  host: 'box',
  state: 'member',
  secret_hash: 'hash',
  joined_at: minutes(-3),
  decided_by: null,
  decided_at: null
}
const shown = { invite, member: null, usedBy: null, roles: ['worker'], now: NOW } as const

type Shown = Parameters<typeof redemption>[0]

function assertRefused(change: Partial<Shown>, code: ErrorCode, message: RegExp): void {
  assert.throws(
    () => redemption({ ...shown, ...change }),
    (error) => {
      assert.ok(error instanceof HaifError)
      assert.equal(error.code, code)
      assert.match(error.message, message)
      return true
    }
  )
}

test('an invite lets a machine in, or lets it wait where a person has to approve it', () => {
  assert.deepEqual(redemption(shown), { kind: 'new', invite, state: 'member' })
  const asks = { ...invite, approve: true }
  assert.deepEqual(redemption({ ...shown, invite: asks }), {
    kind: 'new',
    invite: asks,
    state: 'waiting'
  })
})

test('an invite that was used says by which machine and when', () => {
  const used = { ...invite, uses: 1 }
  const ask = /already been used, last by office-pc on 2026-11-28 at 11:57 UTC; if you do not know/
  assertRefused({ invite: used, usedBy: member }, 'INVITE_USED', ask)
  const five = { ...invite, uses_max: 5, uses: 5 }
  assertRefused({ invite: five }, 'INVITE_USED', /used 5 times, which is all that it may/)
})

test('the machine that has used it gets its answer again, even when the invite has ended', () => {
  const ended = { ...invite, uses: 1, expires_at: minutes(-1), removed_at: minutes(-1) }
  assert.deepEqual(redemption({ ...shown, invite: ended, member }), { kind: 'known', member })
  const waiting = { ...member, state: 'waiting' } as const
  const result = redemption({ ...shown, invite: ended, member: waiting })
  assert.deepEqual(result, { kind: 'known', member: waiting })
})

test('a machine that was removed or refused stays out with its invite', () => {
  const used = { ...invite, uses: 1 }
  const turned = (state: MemberRow['state']) => ({
    invite: used,
    member: { ...member, state, decided_at: minutes(-1) }
  })
  assertRefused(turned('revoked'), 'PEER_REVOKED', /removed from this mesh on 2026-11-28 at 11:59/)
  assertRefused(turned('refused'), 'APPROVAL_REFUSED', /office-pc was not approved/)
})

test('every other reason has its code, its sentence and what to do', () => {
  assertRefused({ invite: null }, 'INVITE_UNKNOWN', /knows no such topic key.*haif invite/)
  const expired = { ...invite, expires_at: minutes(0) }
  assertRefused({ invite: expired }, 'INVITE_EXPIRED', /expired on 2026-11-28 at 12:00 UTC/)
  const removed = { ...invite, removed_at: minutes(-2) }
  assertRefused({ invite: removed }, 'INVITE_REVOKED', /withdrawn on 2026-11-28 at 11:58 UTC/)
  assertRefused(
    { roles: ['worker', 'gateway'] },
    'INVITE_ROLE',
    /as worker, and not as gateway.*haif invite --role gateway/
  )
})

test('a reusable invite has no last use, and one without an end does not expire', () => {
  const many = { ...invite, uses_max: null, uses: 1000, expires_at: null }
  assert.equal(redemption({ ...shown, invite: many, now: NOW * 2 }).kind, 'new')
})

test('a machine of an earlier invite joins anew with another one', () => {
  const before = { ...member, secret_hash: 'other' }
  assert.equal(redemption({ ...shown, member: before }).kind, 'new')
})
