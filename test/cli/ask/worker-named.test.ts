import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PeerEntry } from '#shared/contracts/peers/peers.ts'
import { workerNamed } from '../../../cli/ask/worker-named.ts'

const peer = (digit: string, name?: string, role: PeerEntry['role'] = 'worker'): PeerEntry => ({
  key: digit.repeat(64),
  role,
  host: 'box',
  version: '0.0.0',
  rttMs: 1,
  path: 'lan',
  ...(name === undefined ? {} : { name })
})
const peers = [
  peer('a', 'lab'),
  peer('b', 'attic'),
  peer('c', 'attic'),
  peer('d'),
  peer('e', 'desk', 'gateway')
]

test('a name means the one worker that is called so', () => {
  assert.equal(workerNamed('lab', peers), 'a'.repeat(64))
})

test('a name that is none, or that several have, is refused with the candidates', () => {
  const refusal = (name: string, known = peers) => {
    try {
      return workerNamed(name, known)
    } catch (error) {
      return (error as Error).message
    }
  }
  const all = 'lab (aaaaaaaa), attic (bbbbbbbb), attic (cccccccc), dddddddd'
  assert.equal(refusal('desk'), `no worker called "desk" is connected, only ${all}`)
  assert.match(refusal('atic'), /; did you mean "attic"\?$/)
  assert.equal(
    refusal('attic'),
    '2 workers are called "attic": give the key of one of attic (bbbbbbbb), attic (cccccccc)'
  )
  assert.equal(refusal('lab', []), 'no worker called "lab" is connected')
})
