/** F13: what waits is bounded in bytes, and no tenant takes it all. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesOf, WaitingBytes } from '../../../../services/orchestrator/placement/waiting-bytes.ts'
import { requestOf } from '../../../helpers/requests.ts'
import { ask, longContext, modelReport, startDispatcher } from '../workers/table.ts'

const MIB = 1024 * 1024

test('F13: a tenant gets a share of the room, and others the rest', () => {
  const waiting = new WaitingBytes()
  let entered = 0
  while (waiting.enter('greedy', 4 * MIB)) entered++
  assert.equal(entered, 16)
  assert.equal(waiting.enter('modest', 4 * MIB), true)
  for (let i = 0; i < 20; i++) while (waiting.enter(`t${i}`, 4 * MIB));
  assert.ok(waiting.bytes <= 256 * MIB)
  waiting.leave('greedy', 4 * MIB)
  assert.equal(waiting.enter('greedy', 4 * MIB), true)
})

test('texts, tokens, tools and what was sent all count', () => {
  const long = 'x'.repeat(MIB)
  const plain = bytesOf(requestOf({ model: 'm', prompt: 'hi', maxTokens: 1 }))
  assert.ok(plain < 10_000)
  assert.ok(bytesOf(requestOf({ model: 'm', prompt: long, maxTokens: 1 })) > MIB)
  const sent = { tokenIds: [], text: long }
  const request = { ...requestOf({ model: 'm', prompt: 'hi', maxTokens: 1 }), sent }
  assert.ok(bytesOf(request) > MIB)
})

test('F13: what does not fit is refused, and what has left makes room', async (t) => {
  const { dispatcher, report } = startDispatcher()
  report('a', [modelReport()])
  const context = longContext(t)
  const running = await dispatcher.acquire(ask('greedy'), context)
  const large = { ...ask('greedy'), bytes: () => 40 * MIB }
  const first = dispatcher.acquire(large, context)
  await assert.rejects(dispatcher.acquire(large, context), { code: 'RATE_LIMITED' })
  running.succeeded()
  ;(await first).succeeded()
  ;(await dispatcher.acquire(large, context)).succeeded()
})
