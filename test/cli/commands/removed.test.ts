/** A worker that is removed from the mesh while it runs says so, and ends. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { meshEnv, startHaif } from '../../helpers/cli.ts'
import { startMesh } from '../../helpers/mesh/mesh.ts'
import { memberOf } from '../../helpers/peers/member.ts'
import { startPeer } from '../../helpers/peers/peers.ts'
import { until } from '../../helpers/until.ts'

const WAYS = [
  ['join', '--model', 'sim'],
  ['service', 'worker']
]

test('a removed worker ends with what to do to come back', async (t) => {
  const mesh = await startMesh(t, { workers: [] })
  const { membership, keyPair } = memberOf(mesh.topicKey, 'registry')
  const registry = await startPeer(t, mesh.topicKey, { role: 'registry', membership, keyPair })
  const env = { ...meshEnv(mesh), MODEL_ID: 'sim' }
  const running = WAYS.map((args) => startHaif(t, args, { env }))
  await until(() => registry.links('worker').length === WAYS.length)
  const end = Date.now() + 1e9
  const peers = new Map(registry.links('worker').map(({ peer }) => [peer.key, end]))
  membership.revoke({ peers })
  for (const { result } of running) {
    const { code, stdout, stderr } = await result
    assert.equal(code, 1)
    const sentence =
      /^haif: this machine was removed from the mesh\. .*"haif invite".*\(PEER_REVOKED\)$/m
    assert.match(stderr, sentence)
    assert.doesNotMatch(stdout + stderr, /Still trying/)
  }
})
