/** Where a JSON value ends, in a text that arrives in pieces. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JsonEnd } from '../../../../../services/worker/engines/llama/child/answer/json-end.ts'

const VALUES = [
  { a: '}"\\', b: [{ c: '{' }, []], d: { e: {} } },
  [['true'], {}],
  'a"b\\',
  true,
  null
]

test('the end of a value is found however its text is cut', () => {
  for (const value of VALUES) {
    const written = JSON.stringify(value)
    for (let size = 1; size <= written.length; size++) {
      const json = new JsonEnd()
      const text = `${written} and more`
      let read = 0
      for (let at = 0; ; at += size) {
        const end = json.push(text.slice(at, at + size))
        read += end === -1 ? size : end
        if (end !== -1) break
      }
      assert.equal(read, written.length, `${written} in pieces of ${size}`)
    }
  }
})

test('a number may always go on', () => {
  assert.equal(new JsonEnd().push('-12.5'), -1)
})
