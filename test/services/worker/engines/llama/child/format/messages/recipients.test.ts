/** The messages of Functionary 3.2. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recipients } from '../../../../../../../../services/worker/engines/llama/child/format/messages/recipients.ts'
import {
  byteVocabulary,
  readCut,
  readOutput
} from '../../../../../../../helpers/recorded/reading.ts'

const vocabulary = byteVocabulary({ control: ['<|eot_id|>'], ends: ['<|eot_id|>'] })
const options = { format: recipients, vocabulary, tools: [{ name: 'now' }, { name: 'run' }] }

function read(output: string, more = {}) {
  const all = { ...options, ...more }
  const { content, calls, finishReason } = readOutput(output, all)
  const whole = readCut(output, 0, all)
  for (let at = 0; at < whole.length; at++) assert.deepEqual(readCut(output, at, all), whole)
  return [content, calls.map(({ name, arguments: json }) => `${name} ${json}`), finishReason]
}

test('the first line of a message names who it is for', () => {
  assert.deepEqual(read('all\nSunny.<|eot_id|>'), ['Sunny.', [], 'stop'])
  assert.deepEqual(read('now\n{}<|eot_id|>'), ['', ['now {}'], 'toolCalls'])
  const both = 'all\nLet me look.>>>now\n{}>>>run\n{"code": "a >>> b"}<|eot_id|>'
  assert.deepEqual(read(both), ['Let me look.', ['now {}', 'run {"code": "a >>> b"}'], 'toolCalls'])
})

test('what names nobody is text', () => {
  for (const text of ['Sunny.', 'allow\nme', 'a >>> b', 'later\n{}']) {
    assert.deepEqual(read(text), [text, [], null])
  }
})

test('one call ends the answer where only one may be', () => {
  const [, calls, finishReason] = read('now\n{}>>>run\n{}', { parallel: false })
  assert.deepEqual([calls, finishReason], [['now {}'], 'toolCalls'])
})
