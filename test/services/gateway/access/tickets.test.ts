/** The rest of an answer is not one more request, and nobody can pretend to want one. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { Tickets } from '../../../../services/gateway/access/tickets.ts'

const OWNER = { tenant: 'acme', tokenId: 't1' }
const pepper = randomBytes(32)

test('a ticket is good at every gateway with the same pepper, and at no other', () => {
  const ticket = new Tickets(pepper, () => 0).issue('row', OWNER, 1000)
  assert.equal(new Tickets(pepper, () => 999).redeem(ticket, OWNER), 'row')
  assert.equal(new Tickets(randomBytes(32), () => 0).redeem(ticket, OWNER), null)
})

test('a ticket is worth nothing to others, later, changed, or again and again', () => {
  let now = 0
  const tickets = new Tickets(pepper, () => now)
  const ticket = tickets.issue('row', OWNER, 1000)
  for (const other of [
    { ...OWNER, tenant: 'other' },
    { ...OWNER, tokenId: 't2' },
    { ...OWNER, tokenId: undefined }
  ]) {
    assert.equal(tickets.redeem(ticket, other), null)
  }
  for (const bad of ['', '.', 'row', ticket.replace('row', 'raw'), `${ticket}x`, 'same-id']) {
    assert.equal(tickets.redeem(bad, OWNER), null, bad)
  }
  const uses = Array.from({ length: 5 }, () => tickets.redeem(ticket, OWNER))
  assert.deepEqual(uses, ['row', 'row', 'row', null, null])
  const late = tickets.issue('row-2', OWNER, 1000)
  now = 1001
  assert.equal(tickets.redeem(late, OWNER), null)
})
