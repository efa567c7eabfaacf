/** C6: replies that nobody reads. */
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'
import { UnreadReplies } from '#shared/kit/unread-replies.ts'

const MIB = 1024 * 1024

function start() {
  const connection = { drained: false }
  const stream = new EventEmitter()
  const reasons: string[] = []
  const unread = new UnreadReplies(connection, stream, (reason) => reasons.push(reason))
  return { connection, stream, reasons, unread }
}

test('C6: a reply waits, unwritten, until the ones before it have left', async () => {
  const { unread, stream } = start()
  let written = 0
  const write = () => {
    written++
    return Buffer.alloc(2 * MIB)
  }
  const replies = [write, write, write].map((each) => unread.whenRoom(each))
  await replies[0]
  assert.equal(written, 1)
  stream.emit('drain')
  await replies[1]
  await turn()
  assert.equal(written, 2, 'one at a time')
  stream.emit('drain')
  await replies[2]
})

test('what cannot be written is an error of its own, and holds up nothing', async () => {
  const { unread } = start()
  const fails = () => {
    throw new Error('too large')
  }
  await assert.rejects(unread.whenRoom(fails), /too large/)
  assert.equal((await unread.whenRoom(() => Buffer.alloc(1))).length, 1)
})

test('C6: a peer that never reads is left when too much waits for it', () => {
  const { unread, reasons } = start()
  for (let i = 0; i < 20_000 && reasons.length === 0; i++) unread.add(100)
  assert.match(reasons[0]!, /reads none of its replies/)
})

test('C6: whoever reads may ask without end', () => {
  const { unread, reasons, connection } = start()
  connection.drained = true
  for (let i = 0; i < 20_000; i++) unread.add(100)
  assert.deepEqual(reasons, [])
})

test('C6: a reply does not wait for a connection that is gone', async () => {
  const { unread } = start()
  const reply = () => unread.whenRoom(() => Buffer.alloc(2 * MIB))
  const waiting = [reply(), reply()]
  unread.close()
  await Promise.all(waiting)
})
