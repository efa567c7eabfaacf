/** M10 of shared/mesh/membership/SPEC.md: those who say nothing keep nobody out. */
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import type ProtomuxRPC from 'protomux-rpc'
import { PendingConnections } from '#shared/mesh/connection/pending.ts'

/** As much of a connection as is looked at: it ends, and says so. */
class Connection extends EventEmitter {
  readonly stream = { destroy: () => {} }
  isOpen = true

  destroy(): void {
    this.isOpen = false
    this.emit('close')
  }

  get rpc(): ProtomuxRPC {
    return this as unknown as ProtomuxRPC
  }
}

test('the oldest of an address makes room for its 129th, and for the 1025th of all', () => {
  const pending = new PendingConnections()
  const enter = (address: string, count: number) =>
    Array.from({ length: count }, () => {
      const connection = new Connection()
      pending.enter(address, connection.rpc)
      return connection
    })
  const office = enter('office', 130)
  assert.deepEqual(
    office.map(({ isOpen }) => isOpen),
    [false, false, ...office.slice(2).map(() => true)]
  )
  for (let i = 0; i < 7; i++) enter(`attacker ${i}`, 128)
  assert.equal(pending.size, 1024)
  const [honest] = enter('honest', 1)
  assert.equal(pending.size, 1024)
  assert.equal(honest!.isOpen, true)
  assert.equal(office.filter(({ isOpen }) => isOpen).length, 127)
})

test('whoever has said hello is pending no more, and leaves once', () => {
  const pending = new PendingConnections()
  const connection = new Connection()
  const leave = pending.enter('here', connection.rpc)
  leave()
  leave()
  connection.destroy()
  assert.equal(pending.size, 0)
})
