/** What the metrics say of connections. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { worstOf } from '#shared/mesh/observe-mesh.ts'
import type { PeerLink } from '#shared/rpc/peer-link.ts'

const link = (role: string, path: string, rttMs: number) =>
  ({ peer: { role, key: '' }, path, rttMs, lossPercent: 0 }) as unknown as PeerLink

test('of many connections the worst one is told for each role and path', () => {
  const links = [
    link('worker', 'direct', 20),
    link('worker', 'direct', 80),
    link('worker', 'relayed', 5),
    link('registry', 'direct', 1)
  ]
  assert.deepEqual(
    [...worstOf(links, ({ rttMs }) => rttMs)],
    [
      ['worker direct', 80],
      ['worker relayed', 5],
      ['registry direct', 1]
    ]
  )
  assert.deepEqual([...worstOf([], ({ rttMs }) => rttMs)], [])
})
