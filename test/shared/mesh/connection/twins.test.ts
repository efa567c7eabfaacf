/** A home that was copied to a second machine is noticed at both and by the mesh; nobody flaps. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Twins } from '#shared/mesh/connection/twins.ts'
import type { Mesh } from '#shared/mesh/mesh.ts'
import { temporaryIdentity } from '#shared/mesh/identity.ts'
import { recordingLogger } from '../../../helpers/peers/peer-log.ts'
import { startDht, startPeer } from '../../../helpers/peers/peers.ts'
import { until } from '../../../helpers/until.ts'

const KEY = 'ab'.repeat(32)
const at = (process: string) => ({ process, address: `10.0.0.${process}` })

test('a restart takes over at once, also a second one', () => {
  const twins = new Twins()
  for (const process of ['1', '2', '3']) {
    twins.admit(KEY, at(process))
    twins.connected(KEY, at(process))
  }
  twins.admit(KEY, at('3')) // another connection of the same process
})

test('one that was replaced and comes back is a second machine, until the other is gone', () => {
  const twins = new Twins()
  twins.connected(KEY, at('1'))
  twins.connected(KEY, at('2'))
  assert.throws(() => twins.admit(KEY, at('1')), {
    code: 'HOME_IN_USE',
    message: /two machines have the key abababab.*10\.0\.0\.2 is in the mesh.*haif identity new/
  })
  twins.admit('cd'.repeat(32), at('1')) // another key
  twins.lost(KEY, at('1')) // a connection that was replaced before
  assert.throws(() => twins.admit(KEY, at('1')), { code: 'HOME_IN_USE' })
  twins.lost(KEY, at('2'))
  twins.admit(KEY, at('1'))
  twins.connected(KEY, at('1'))
  twins.admit(KEY, at('1'))
})

test('two machines with one key: one stays, the other hears why, and so does the mesh', async (t) => {
  const topicKey = await startDht(t)
  const [gatewayLog, logs] = [recordingLogger(), [recordingLogger(), recordingLogger()]]
  const gateway = await startPeer(t, topicKey, { role: 'gateway', log: gatewayLog.log })
  let links = 0
  gateway.on('link', () => links++)
  const keyPair = temporaryIdentity()
  const copies: Mesh[] = []
  for (const { log } of logs) {
    const copy = await startPeer(t, topicKey, { role: 'client', keyPair, log })
    copy.follow('gateway')
    await until(() => copy.links().length > 0)
    copies.push(copy)
  }
  const said = (lines: object[], words: RegExp) =>
    lines.some((line) => words.test(JSON.stringify(line)))
  await until(() => said(logs[0]!.lines, /two machines have the key .*haif identity new/))
  await until(() => said(logs[1]!.lines, /another machine, at .*, has the key of this one/))
  assert.ok(said(gatewayLog.lines, /refused: two machines have the key/))
  const before = links
  await sleep(1500) // some tries more
  assert.equal(links, before)
  assert.equal(copies[1]!.links().length, 1)
  assert.equal(gatewayLog.lines.length, 1, 'once is enough')
  await copies[1]!.stop()
  await until(() => copies[0]!.links().length > 0)
})
