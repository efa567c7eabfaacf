import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tellOrder } from '../../../services/worker/tell-order.ts'

test('whoever sits at a machine hears who told it what, and how it comes back', () => {
  const left = tellOrder('worker.drain', '572411c1')
  assert.match(left, /^an operator \(token 572411c1\) lets this machine go: .*"haif join" brings/)
  assert.match(tellOrder('worker.pause', 'x'), /takes nothing new until an operator resumes it/)
  const load = { action: 'load', name: 'qwen3-4b' } as const
  assert.match(tellOrder('worker.model', 'x', load), /tells this machine: load qwen3-4b$/)
  assert.ok(!tellOrder('worker.label', '\u001B[2J'.repeat(50)).includes('\u001B'))
})
