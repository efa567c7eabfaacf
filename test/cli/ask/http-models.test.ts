import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HttpModel } from '#shared/contracts/http/models.ts'
import { askedUrl, chooseModel } from '../../../cli/ask/http-models.ts'

const model = (id: string, workers = 1, loadable = 0): HttpModel => ({
  id,
  object: 'model',
  created: 0,
  owned_by: 'haif',
  digest: '',
  context_length: 0,
  engine: 'sim',
  workers,
  workers_loadable: loadable
})

test('a real model comes before the built-in one, and a name that was given before both', () => {
  assert.equal(chooseModel([model('haif-tiny'), model('real')], undefined), 'real')
  assert.equal(chooseModel([model('haif-tiny'), model('lazy', 0, 1)], undefined), 'lazy')
  assert.equal(chooseModel([model('gone', 0), model('haif-tiny')], undefined), 'haif-tiny')
  assert.equal(chooseModel([model('real')], 'an-alias'), 'an-alias')
  assert.throws(() => chooseModel([], undefined), { code: 'MODEL_NOT_FOUND', message: /haif join/ })
  assert.throws(() => chooseModel([model('gone', 0)], undefined), { message: /knows gone/ })
})

test('the address may end as OpenAI clients write it', () => {
  assert.equal(askedUrl(undefined, {}), 'http://127.0.0.1:8080')
  assert.equal(askedUrl(undefined, { PORT: '9000' }), 'http://127.0.0.1:9000')
  assert.equal(askedUrl(undefined, { HAIF_URL: 'https://a.example/' }), 'https://a.example')
  assert.equal(askedUrl('http://a:1/v1/', {}), 'http://a:1')
  assert.throws(() => askedUrl('a:1', {}), { code: 'VALIDATION_FAILED' })
})
