import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import z32 from 'z32'
import type { PeerRole } from '#shared/contracts/peers/role.ts'
import { HaifError, type ErrorCode } from '#shared/errors.ts'
import { REACHES } from '#shared/mesh/discovery/mesh-address.ts'
import {
  decodeInvite,
  encodeInvite,
  inviteIdOf,
  MACHINE_NAME,
  type Invite
} from '#shared/mesh/membership/invite.ts'

const ROLES: PeerRole[] = ['gateway', 'orchestrator', 'registry', 'worker', 'bridge', 'client']
const bytes = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((array) => Buffer.from(array))
const invites: fc.Arbitrary<Invite> = fc.record(
  {
    meshKey: bytes(32),
    secret: bytes(16),
    roles: fc.subarray(ROLES),
    name: fc.oneof(fc.constant(''), fc.stringMatching(MACHINE_NAME)),
    expiresAt: fc.option(
      fc.integer({ min: 1, max: 4_294_967_295 }).map((seconds) => seconds * 1000)
    ),
    usesMax: fc.option(fc.integer({ min: 1, max: 65_535 })),
    approve: fc.boolean(),
    reach: fc.constantFrom(...REACHES),
    bootstrap: fc.array(
      fc
        .tuple(fc.ipV4(), fc.integer({ min: 1, max: 65_535 }))
        .map(([host, port]) => ({ host, port })),
      { maxLength: 8 }
    ),
    issuers: fc.array(bytes(32), { maxLength: 2 }),
    relays: fc.array(bytes(32), { maxLength: 2 }),
    tlsRelays: fc.array(
      fc
        .tuple(
          fc.constantFrom('relay.example.org', '5.5.5.1', '2001:db8::1'),
          fc.integer({ min: 1, max: 65_535 })
        )
        .map(([host, port]) => ({ host, port })),
      { maxLength: 2 }
    )
  },
  { noNullPrototype: true }
)

const sample: Invite = {
  meshKey: Buffer.alloc(32, 3),
  secret: Buffer.alloc(16, 9),
  roles: ['worker'],
  name: 'office-pc',
  expiresAt: 1_800_000_000_000,
  usesMax: 1,
  approve: false,
  reach: 'lan',
  bootstrap: [{ host: '192.168.1.20', port: 49_737 }],
  issuers: [Buffer.alloc(32, 5)],
  relays: [],
  tlsRelays: []
}
const text = encodeInvite(sample)

function refusal(of: string): HaifError {
  try {
    decodeInvite(of)
  } catch (error) {
    assert.ok(error instanceof HaifError, of)
    return error
  }
  return assert.fail(`accepted: ${of}`)
}

function assertRefused(of: string, code: ErrorCode, message?: RegExp): void {
  const error = refusal(of)
  assert.equal(error.code, code, of)
  if (message !== undefined) assert.match(error.message, message)
}

test('every invite comes back as it was', () => {
  fc.assert(
    fc.property(invites, (invite) => {
      assert.deepEqual(decodeInvite(encodeInvite(invite)), invite)
    })
  )
})

test('case and white space do not matter, not even a line that a terminal has broken', () => {
  for (const same of [
    ` ${text}\n`,
    text.toUpperCase(),
    `${text.slice(0, 80)}\r\n  ${text.slice(80)}`
  ]) {
    assert.deepEqual(decodeInvite(same), sample)
  }
})

test('every single mistyped character is called mistyped, and never cut off', () => {
  const start = 'haif_'.length
  for (let at = start; at < text.length; at++) {
    for (const character of 'ybndrfg8ejkmcpqxot1uwisza345h769lv02_-') {
      if (text[at] === character) continue
      const typed = text.slice(0, at) + character + text.slice(at + 1)
      assertRefused(typed, 'TOPIC_KEY_INVALID')
    }
  }
})

test('every truncation is called cut off, and never mistyped', () => {
  for (let length = 1; length < text.length; length++) {
    assertRefused(text.slice(0, length), 'TOPIC_KEY_CUT_OFF', /copy the whole line/)
  }
})

test('a missing, a doubled and two exchanged characters are noticed', () => {
  const start = 'haif_'.length
  for (let at = start; at < text.length; at++) {
    refusal(text.slice(0, at) + text.slice(at + 1))
    refusal(`${text.slice(0, at)}y${text.slice(at)}`)
    const [a, b] = [text[at]!, text[at + 1]]
    if (b !== undefined && a !== b) refusal(text.slice(0, at) + b + a + text.slice(at + 2))
  }
})

test('what was copied with it is noticed', () => {
  assertRefused(
    `${text} --model builtin`.replaceAll('-', 'y'),
    'TOPIC_KEY_INVALID',
    /after its end/
  )
  assertRefused(`npx haif ${text}`, 'TOPIC_KEY_INVALID', /does not begin with "haif_"/)
  assert.deepEqual(decodeInvite(`npx haif join ${text}`), sample) // the whole line, as printed
})

test('something else altogether is told what it is taken for', () => {
  assertRefused('', 'TOPIC_KEY_INVALID', /does not begin/)
  assertRefused('hello', 'TOPIC_KEY_INVALID', /does not begin/)
  assertRefused('haif_user_abc_def', 'TOPIC_KEY_INVALID', /is a token/)
})

test('a topic key of before invites is told apart, with what to do', () => {
  const old = 'haif_yryuyeyyfyryuyeyyfyryuyeyyfyryuyeyyfyryuyeyyfyryuyeyyf'
  assertRefused(old, 'TOPIC_KEY_INVALID', /mistyped/)
  assertRefused(OLD_KEY, 'TOPIC_KEY_OLD', /run "haif invite" there/)
})

test('a key of a newer version says which side to update', () => {
  const newer = Buffer.from([3, 0, 20, 3 ^ 20, ...Buffer.alloc(16, 7)])
  assertRefused(`haif_${z32.encode(newer)}`, 'TOPIC_KEY_INVALID', /has version 3, .* knows 2/)
})

test('its short name comes from its secret and does not give it away', () => {
  assert.match(inviteIdOf(sample.secret), /^[0-9a-f]{8}$/)
  assert.notEqual(inviteIdOf(sample.secret), sample.secret.toString('hex').slice(0, 8))
})

/** As `encodeTopicKey` of version 0.1 made it, for a mesh on this machine. */
const OLD_KEY = 'haif_yrdoqba8yhdoqba8yhdoqba8yhdoqba8yhdoqba8yhdoqba8yhdoqyybxhyyyyqnj8m35pf5'
