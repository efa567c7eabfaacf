/** What `haif doctor` says on a machine that only works for the mesh. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { renderDoctor } from '../../../cli/screen/render-doctor.ts'

const network = {
  ipv4: '192.168.1.7',
  ipv6: null,
  dhtMs: 5,
  otherUdp: false,
  tcp: null,
  host: 'silent',
  nat: 'open'
} as const
const findings = { reach: 'lan', ownNodes: true, network, clockAheadMs: null } as const
const screen = { width: 100, color: false }

test('a worker that runs is no failure, and doctor says who knows more', () => {
  const text = renderDoctor({ ...findings, registry: { isWorking: true } }, screen)
  assert.match(text, /note +mesh +not tried: this machine runs as a worker/)
  assert.match(text, /Stop it, and doctor can try instead\.\n$/)
})
