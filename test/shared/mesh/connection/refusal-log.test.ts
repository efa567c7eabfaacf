import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HaifError } from '#shared/errors.ts'
import { RefusalLog } from '#shared/mesh/connection/refusal-log.ts'
import { recordingLogger } from '../../../helpers/peers/peer-log.ts'

test('a thousand refused peers are twenty lines, and one more every three seconds', () => {
  const { log, lines } = recordingLogger()
  let now = 0
  const refusals = new RefusalLog(log, () => now)
  let peer = 0
  const refuse = () => refusals.note(`${peer++}`, new HaifError('WRONG_MESH', 'of another mesh'))
  for (let i = 0; i < 1000; i++) refuse()
  assert.equal(lines.length, 20)
  now += 6000
  for (let i = 0; i < 1000; i++) refuse()
  assert.equal(lines.length, 22)
  assert.equal(lines[0]?.['code'], 'WRONG_MESH')
})

test('a peer that is refused again and again is one line a minute', () => {
  const { log, lines } = recordingLogger()
  let now = 0
  const refusals = new RefusalLog(log, () => now)
  for (; now < 179_000; now += 1000) {
    refusals.note('removed', new HaifError('PEER_REVOKED', 'the peer was removed'))
  }
  assert.equal(lines.length, 3)
  refusals.note('other', new HaifError('PEER_REVOKED', 'the peer was removed'))
  assert.equal(lines.length, 4)
})
