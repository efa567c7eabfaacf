import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import type { PeerRole } from '#shared/contracts/peers/role.ts'
import { createDht } from '#shared/mesh/discovery/dht.ts'
import { Mesh } from '#shared/mesh/mesh.ts'
import { silentLogger } from '#shared/process/log.ts'
import { memberOf } from '../../../helpers/peers/member.ts'
import { until } from '../../../helpers/until.ts'

test('peers of one home meet while no DHT node answers', async (t) => {
  const secret = randomBytes(32)
  const keys: string[] = []
  const start = async (role: PeerRole) => {
    const mesh = new Mesh({
      dht: createDht({ reach: 'public', bootstrap: [{ host: '127.0.0.1', port: 1 }] }),
      ...memberOf({ secret }, role),
      lookupMs: 1000,
      localSockets: true,
      neighbours: () => keys,
      waitsForDht: false,
      log: silentLogger()
    })
    t.after(() => mesh.stop())
    await mesh.start()
    return mesh
  }
  const bridge = await start('bridge')
  bridge.follow('gateway')
  const gateway = await start('gateway')
  keys.push(gateway.key)
  await until(() => bridge.links('gateway').length === 1 && gateway.links('bridge').length === 1)
  assert.equal(bridge.links('gateway')[0]?.path, 'local')
})
