import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ResponseObject } from '#shared/contracts/http/responses.ts'
import { beginResponse } from '../../../../../services/http-bridge/openai/responses/reply.ts'
import {
  ResponseStore,
  type StoreBounds
} from '../../../../../services/http-bridge/openai/responses/store.ts'

const OWNER = 'tenant-a'
const WIDE: StoreBounds = { responses: 100, bytes: 1_000_000, ageMs: 1000 }

/** With one item, `msg_<name>`. */
function response(name: string, text = 'hi'): ResponseObject {
  const content = [{ type: 'output_text', text, annotations: [], logprobs: [] }]
  const item = {
    type: 'message',
    id: `msg_${name}`,
    status: 'completed',
    role: 'assistant',
    content
  }
  const begun = beginResponse({ id: `resp_${name}`, createdAt: 1 }, { model: 'm', input: 'x' })
  return { ...begun, output: [item] as ResponseObject['output'] }
}

function newStore(bounds: Partial<StoreBounds>) {
  const clock = { now: 0 }
  const store = new ResponseStore({ bounds: { ...WIDE, ...bounds }, now: () => clock.now })
  const add = (name: string, text?: string) =>
    store.add({ response: response(name, text), owner: OWNER })
  const kept = (name: string) => store.get(`resp_${name}`, OWNER) !== undefined
  return { store, clock, add, kept }
}

test('no more responses than the bound: the oldest go, and their items with them', () => {
  const { store, add, kept } = newStore({ responses: 2 })
  for (const name of ['a', 'b', 'c']) add(name)
  assert.deepEqual([store.size, kept('a'), kept('b'), kept('c')], [2, false, true, true])
  assert.equal(store.item('msg_a', OWNER), undefined)
  assert.equal(store.item('msg_c', OWNER)?.id, 'msg_c')
})

test('no more bytes than the bound, whatever their number; one above it alone pushes out none', () => {
  const small = JSON.stringify(response('a')).length
  const { store, add, kept } = newStore({ bytes: 3 * small })
  for (const name of ['a', 'b', 'c']) add(name)
  assert.equal(store.size, 3)
  add('d', 'x'.repeat(small))
  assert.deepEqual([kept('a'), kept('b'), kept('c'), kept('d')], [false, false, true, true])
  store.delete('resp_d', OWNER)
  add('e')
  add('f')
  assert.equal(store.size, 3) // what was deleted takes no room any more
  add('g', 'x'.repeat(3 * small))
  assert.deepEqual([kept('g'), store.size], [false, 3])
})

test('the conversation of a response counts as well', () => {
  const { store, add, kept } = newStore({ bytes: 100_000 })
  add('a')
  const messages = [{ role: 'user' as const, content: 'x'.repeat(99_000) }]
  store.add({ response: response('b'), messages, owner: OWNER })
  assert.deepEqual([kept('a'), kept('b')], [false, true])
})

test('nothing is kept beyond its age, though nobody adds or deletes', () => {
  const { store, clock, add, kept } = newStore({ ageMs: 1000 })
  add('a')
  clock.now = 600
  add('b')
  clock.now = 1000
  assert.deepEqual([kept('a'), kept('b')], [true, true])
  clock.now = 1001
  assert.deepEqual([kept('a'), kept('b'), store.size], [false, true, 1])
  assert.equal(store.item('msg_a', OWNER), undefined)
  clock.now = 1601
  assert.equal(store.item('msg_b', OWNER), undefined)
  assert.equal(store.size, 0)
})

test('only who made a response reads it, uses its items or deletes it', () => {
  const { store, add, kept } = newStore({})
  add('a')
  for (const other of ['tenant-b', '']) {
    assert.equal(store.get('resp_a', other), undefined)
    assert.equal(store.item('msg_a', other), undefined)
    assert.equal(store.delete('resp_a', other), false)
  }
  assert.ok(kept('a'))
  assert.equal(store.delete('resp_a', OWNER), true)
  assert.equal(store.delete('resp_a', OWNER), false)
})

test('L1: whoever has most loses first, so nobody pushes out what others keep', () => {
  const { store } = newStore({ responses: 10, bytes: 20_000 })
  store.add({ response: response('mine'), owner: 'modest' })
  for (let i = 0; i < 100; i++) {
    store.add({ response: response(`many${i}`), owner: 'greedy' })
  }
  assert.notEqual(store.get('resp_mine', 'modest'), undefined)
  assert.equal(store.size, 10)
  assert.notEqual(store.get('resp_many99', 'greedy'), undefined, 'its own oldest have gone')
  for (let i = 0; i < 10; i++) {
    store.add({ response: response(`long${i}`, 'x'.repeat(9000)), owner: 'greedy' })
  }
  assert.notEqual(store.get('resp_mine', 'modest'), undefined)
})
