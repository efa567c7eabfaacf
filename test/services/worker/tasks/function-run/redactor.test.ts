/** Secrets are taken out of a text, wherever its parts begin and end. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  byteForms,
  formsOf,
  redactedBytes,
  Redactor
} from '../../../../../services/worker/tasks/function-run/redactor.ts'

const parts = (text: string, cuts: readonly number[]): string[] => {
  const at = [0, ...cuts.map((cut) => cut % (text.length + 1)), text.length]
  const sorted = at.toSorted((a, b) => a - b)
  return sorted.slice(1).map((end, i) => text.slice(sorted[i], end))
}

test('a secret is found however the text is cut, and nothing else changes', () => {
  const secret = 'abcabcad'
  const piece = fc.constantFrom(secret, 'abcabca', 'abc', 'x', '\n')
  fc.assert(
    fc.property(fc.array(piece), fc.array(fc.nat(), { maxLength: 6 }), (pieces, cuts) => {
      const text = pieces.join('')
      const redactor = new Redactor(formsOf([secret]))
      const passed = parts(text, cuts).map((part) => redactor.pass(part))
      assert.equal([...passed, redactor.end()].join(''), text.replaceAll(secret, '[secret]'))
    })
  )
})

test('it is found as JSON writes it, and in the bytes of a file', async () => {
  const secret = 'pass "wörd"'
  const redactor = new Redactor(formsOf([secret]))
  assert.equal(redactor.pass(JSON.stringify({ secret })) + redactor.end(), '{"secret":"[secret]"}')
  const bytes = Buffer.concat([Buffer.from([255]), Buffer.from(secret), Buffer.from([254])])
  async function* file() {
    for (const byte of bytes) yield Buffer.from([byte])
  }
  const left: Buffer[] = []
  for await (const part of redactedBytes(file(), byteForms([secret]))) left.push(part)
  const expected = [Buffer.from([255]), Buffer.from('[secret]'), Buffer.from([254])]
  assert.deepEqual(Buffer.concat(left), Buffer.concat(expected))
})
