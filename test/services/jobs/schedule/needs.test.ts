import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  lackOf,
  needsKeyOf,
  needsText,
  type Needs
} from '../../../../services/jobs/schedule/needs.ts'

const worker = {
  key: 'f'.repeat(64),
  name: 'tower',
  types: ['tool_execution' as const],
  gpu: false,
  models: ['m'],
  region: 'eu',
  labels: { rack: '4' }
}

const lack = (needs: Partial<Needs>) => lackOf({ type: 'tool_execution', ...needs }, worker)

test('J11: a worker must have all that a task asks for', () => {
  assert.equal(lack({ labels: { rack: '4' }, region: 'eu', model: 'm', workers: ['tower'] }), null)
  assert.equal(lack({ workers: ['ffffffff'] }), null)
  assert.match(lack({ gpu: true })!, /GPU/)
  assert.match(lack({ model: 'n' })!, /the model n/)
  assert.match(lack({ region: 'us' })!, /region us/)
  assert.match(lack({ labels: { rack: '5' } })!, /rack=5/)
  assert.match(lack({ workers: ['fff', 'attic'] })!, /fff or attic/)
  assert.match(lackOf({ type: 'retrieval' }, worker)!, /takes retrieval tasks$/)
  assert.match(lackOf({ type: 'function' }, worker)!, /start one with --functions/)
})

test('the same needs have one key, in whatever order they are written', () => {
  const key = (needs: object) => needsKeyOf(needsText(needs as Needs))
  assert.equal(
    key({ type: 'embedding', labels: { a: '1', b: '2' }, region: undefined }),
    key({ labels: { b: '2', a: '1' }, type: 'embedding' })
  )
  assert.notEqual(key({ type: 'embedding' }), key({ type: 'embedding', gpu: true }))
})
