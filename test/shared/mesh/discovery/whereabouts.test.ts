/** What is known of where a peer is, before the DHT is asked. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Whereabouts } from '#shared/mesh/discovery/whereabouts.ts'

const KEY = 'a'.repeat(64)
const NODE = { host: '10.0.0.1', port: 49_737 }
const HOME = { host: '10.0.0.2', port: 40_000 }

test('the nodes that a peer has named are tried once, until a lookup names them again', () => {
  const whereabouts = new Whereabouts()
  whereabouts.named(KEY, [NODE])
  assert.deepEqual(whereabouts.take(KEY), { addresses: [NODE], isOld: false })
  assert.deepEqual(whereabouts.take(KEY).addresses, [])
  whereabouts.named(KEY, [NODE])
  assert.deepEqual(whereabouts.take(KEY).addresses, [NODE])
})

test('an address of an earlier run is said to be old, and what a lookup names replaces it', () => {
  const whereabouts = new Whereabouts()
  whereabouts.remembered(KEY, HOME)
  whereabouts.named(KEY, []) // a peer that names nobody says nothing against it
  assert.deepEqual(whereabouts.take(KEY), { addresses: [HOME], isOld: true })
  whereabouts.remembered(KEY, HOME)
  whereabouts.named(KEY, [NODE])
  assert.deepEqual(whereabouts.take(KEY), { addresses: [NODE], isOld: false })
})
