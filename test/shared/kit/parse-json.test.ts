import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseJson } from '#shared/kit/parse-json.ts'

const MANY = 1_000_000

test('brackets, fields and objects without end are refused before they are parsed', () => {
  assert.throws(() => parseJson('['.repeat(MANY)), /levels/)
  assert.throws(() => parseJson(`[${'{},'.repeat(MANY)}1]`), /entries/)
  const fields = Array.from({ length: 300_000 }, (_, i) => `"${i}":1`)
  assert.throws(() => parseJson(`{${fields.join()}}`), /entries/)
})

test('long texts and many numbers are no reason to refuse', () => {
  const long = { text: '[{:"\\'.repeat(50_000), ids: Array.from({ length: 200_000 }, (_, i) => i) }
  assert.deepEqual(parseJson(JSON.stringify(long)), long)
})

test('it reads what JSON.parse reads, also with quotes and backslashes anywhere', () => {
  const padding = 'x'.repeat(70_000)
  const text = fc.string({ unit: fc.constantFrom('"', '\\', '[', '{', ':', 'a') })
  fc.assert(
    fc.property(fc.array(text), (texts) => {
      const value = { padding, texts, nested: [[texts]] }
      assert.deepEqual(parseJson(JSON.stringify(value)), value)
    })
  )
})
