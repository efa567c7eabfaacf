import assert from 'node:assert/strict'
import { test } from 'node:test'
import { modelNotFound } from '#shared/inference/model-not-found.ts'

test('who asks for a model that nobody holds hears what there is, and what was probably meant', () => {
  const { code, message } = modelNotFound('haif-tin', ['qwen3-4b', 'haif-tiny'])
  assert.equal(code, 'MODEL_NOT_FOUND')
  assert.equal(
    message,
    'no worker holds haif-tin; there are haif-tiny, qwen3-4b; did you mean haif-tiny?'
  )
  assert.equal(modelNotFound('a', []).message, 'no worker holds a; there is none')
  const many = Array.from({ length: 9 }, (_, i) => `model${i}`)
  assert.match(modelNotFound('x'.repeat(999), many).message, /holds x{128}; .*model7, …$/)
})
