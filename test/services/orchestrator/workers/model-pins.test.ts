/** L10: a name is one file, where the operator says which. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readOrchestratorConfig } from '../../../../services/orchestrator/config.ts'
import { ask, modelReport, startDispatcher } from './table.ts'

const RIGHT = 'a'.repeat(64)
const OTHER = 'b'.repeat(64)

test('L10: another file under the name does not hold the model, however fast it says it is', () => {
  const mesh = startDispatcher(readOrchestratorConfig({ MODEL_DIGESTS: 'm=aaaaaaaaaaaa' }).pins)
  const fast = { prefillTokensPerSecond: 1e8, slots: 64 }
  mesh.report('other', [modelReport({ ...fast, digest: OTHER })])
  mesh.report('silent', [modelReport(fast)])
  assert.equal(mesh.dispatcher.tryNow(ask()), null)
  mesh.report('right', [modelReport({ digest: RIGHT })])
  assert.equal(mesh.dispatcher.tryNow(ask())!.holding.workerKey, 'right')
})

test('a file that is not open yet may be the right one, until it is', () => {
  const mesh = startDispatcher(new Map([['m', RIGHT]]))
  const link = mesh.report('w', [modelReport({ state: 'loadable' })])
  assert.notEqual(mesh.table.holding('w', 'm'), undefined)
  mesh.report('w', [modelReport({ digest: OTHER })], link)
  assert.equal(mesh.table.holding('w', 'm'), undefined)
})

test('other names take any file, and a pin that is none stops the start', () => {
  const mesh = startDispatcher(new Map([['another', RIGHT]]))
  mesh.report('w', [modelReport({ digest: OTHER })])
  assert.notEqual(mesh.dispatcher.tryNow(ask()), null)
  for (const text of ['m', 'm=', 'm=abc', '=aaaaaaaaaaaa']) {
    assert.throws(() => readOrchestratorConfig({ MODEL_DIGESTS: text }), { code: 'CONFIG_INVALID' })
  }
})
