/** Values in the notations of Python and Gemma. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import {
  readLiteral,
  readMembers
} from '../../../../../../../../services/worker/engines/llama/child/format/arguments/literal.ts'
import { Input } from '../../../../../../../../services/worker/engines/llama/child/format/input.ts'

type Read = typeof readLiteral

interface Outcome {
  json: string
  /** Null while the reader waits for more. */
  isWhole: boolean | null
  rest: string
}

/** Feeds the pieces; the text is over after the last only if `end` says so. */
function feed(pieces: readonly string[], read: Read, end = true): Outcome {
  const input = new Input()
  const parts: string[] = []
  const options = { textMark: '<|"|>', names: ['first', 'second'], spelled: (text: string) => text }
  const reading = read(input, options, (json) => parts.push(json))
  let step = reading.next()
  for (const piece of pieces) {
    input.push(piece)
    if (step.done !== true) step = reading.next()
  }
  if (end) input.end()
  if (end && step.done !== true) step = reading.next()
  return { json: parts.join(''), isWhole: step.done === true ? step.value : null, rest: input.rest }
}

/** The value, which must be the same wherever the text is cut in two. */
function valueOf(text: string, read: Read = readLiteral): unknown {
  const whole = feed([text], read)
  for (let at = 1; at < text.length; at++) {
    if (/^[\udc00-\udfff]/.test(text.slice(at))) continue // pieces are whole characters
    assert.deepEqual(feed([text.slice(0, at), text.slice(at)], read), whole, `cut at ${at}`)
  }
  assert.deepEqual([whole.isWhole, whole.rest], [true, ''], `${text} gives ${whole.json}`)
  return JSON.parse(whole.json)
}

suite('a literal', () => {
  test('may be JSON, Python or Gemma, mixed as models mix them', () => {
    const cases: [text: string, value: unknown][] = [
      ['{"a": [1, -2.5e3, true, null], "b": {}}', { a: [1, -2500, true, null], b: {} }],
      ["{'a': [True, False, None], 'b': (1, 2)}", { a: [true, false, null], b: [1, 2] }],
      ['{km:[1,-2.5],name:<|"|>Bad "Orb", {x}<|"|>}', { km: [1, -2.5], name: 'Bad "Orb", {x}' }],
      ['[<|"|>a<|"|>, "b", \'c\', d e]', ['a', 'b', 'c', 'd e']],
      ['{<|"|>k<|"|>: <|"|><|"|>}', { k: '' }],
      ['{"a": "",\n "b": \'\'}', { a: '', b: '' }],
      ['[]', []],
      ['[1, 2, ]', [1, 2]],
      ['[.5, 5., +3, 1_000, 007]', [0.5, 5, 3, 1000, 7]],
      ['[constructor, 1.2.3, -]', ['constructor', '1.2.3', '-']]
    ]
    for (const [text, value] of cases) assert.deepEqual(valueOf(text), value)
  })

  test('in quotation marks has escapes, and between marks of its own it has none', () => {
    const cases: [text: string, value: string][] = [
      [String.raw`"a\n\t\"\\\/\u00e9\ud83c\udf27"`, 'a\n\t"\\/é🌧'],
      [String.raw`'it\'s \x41 \U0001F327 \d'`, "it's A 🌧 \\d"],
      ["'''one \"two\"\nthree'''", 'one "two"\nthree'],
      ['"a\nb"', 'a\nb'],
      [String.raw`<|"|>a\nb "c" \u0041<|"|>`, String.raw`a\nb "c" \u0041`],
      ['<|"|>東京 🌧 <|<|"|>', '東京 🌧 <|']
    ]
    for (const [text, value] of cases) assert.equal(valueOf(text), value)
  })

  test('arguments have names, or a place', () => {
    const cases: [text: string, value: unknown][] = [
      ['{}', {}],
      ['()', {}],
      ['{city:<|"|>Köln<|"|>,days:3}', { city: 'Köln', days: 3 }],
      ['(city="Köln", days = 3)', { city: 'Köln', days: 3 }],
      ['("a=b", [1])', { first: 'a=b', second: [1] }],
      ['(True, second={"x": 1})', { first: true, second: { x: 1 } }]
    ]
    for (const [text, value] of cases) assert.deepEqual(valueOf(text, readMembers), value)
  })

  test('that is not over, or is none, is told', () => {
    for (const text of ['[1, 2', '{"a": "b', "'x\\", '<|"|>x', '', '{a', '[{"a" 1}]']) {
      assert.equal(feed([text], readLiteral).isWhole, false, text)
    }
    assert.equal(feed(['[1, "a'], readLiteral, false).isWhole, null)
    assert.equal(feed(['[1, "a'], readLiteral, false).json, '[1,"a')
    assert.equal(feed(['['.repeat(1000)], readLiteral).isWhole, false)
  })
})
