/** The messages of gpt-oss. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { harmony } from '../../../../../../../../services/worker/engines/llama/child/format/messages/harmony.ts'
import type { Vocabulary } from '../../../../../../../../services/worker/engines/llama/child/vocabulary.ts'
import {
  byteVocabulary,
  readCut,
  readOutput
} from '../../../../../../../helpers/recorded/reading.ts'

const MARKS = ['start', 'end', 'message', 'channel', 'constrain', 'return', 'call']
const names = MARKS.map((mark) => `<|${mark}|>`)
const ENDS = ['<|return|>', '<|call|>']
/** llama.cpp picks `<|end|>` as an end token in some files, and makes text of others in all. */
const VOCABULARIES = [
  byteVocabulary({ control: names, ends: ['<|end|>', ...ENDS] }),
  byteVocabulary({
    control: ENDS,
    ends: ENDS,
    tokens: names.filter((mark) => !ENDS.includes(mark))
  })
]
const options = { format: harmony, tools: [{ name: 'get_weather' }] }

const ANALYSIS = '<|channel|>analysis<|message|>The user asks for weather.<|end|>'
const FINAL = '<|channel|>final<|message|>It is sunny.<|return|>'
const CALL =
  '<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{"a": 1}<|call|>'

function read(output: string, more = {}) {
  const [result, other] = VOCABULARIES.map((vocabulary) => readWith(output, vocabulary, more))
  assert.deepEqual(other, result)
  return result!
}

function readWith(output: string, vocabulary: Vocabulary, more: object) {
  const all = { ...options, vocabulary, ...more }
  const { content, reasoning, calls, finishReason } = readOutput(output, all)
  const called = calls.map(({ name, arguments: json }) => `${name} ${json}`)
  const whole = readCut(output, 0, all)
  for (let at = 0; at < whole.length; at++) assert.deepEqual(readCut(output, at, all), whole)
  return { content, reasoning, called, finishReason }
}

suite('harmony', () => {
  test('analysis is the thought and final the answer; an end between them ends nothing', () => {
    assert.deepEqual(read(`${ANALYSIS}<|start|>assistant${FINAL}`), {
      content: 'It is sunny.',
      reasoning: 'The user asks for weather.',
      called: [],
      finishReason: 'stop'
    })
    assert.equal(read(FINAL.replace('<|return|>', '<|end|>')).finishReason, 'stop')
  })

  test('calls are read with the recipient before the channel or behind it', () => {
    for (const call of [
      CALL,
      ' to=functions.get_weather<|channel|>commentary json<|message|>{"a": 1}<|call|>',
      '<|channel|>analysis to=functions.get_weather code<|message|>{"a": 1}<|call|>'
    ]) {
      for (const before of ['', `${ANALYSIS}<|start|>assistant`]) {
        const { content, reasoning, called, finishReason } = read(before + call)
        assert.deepEqual(called, ['get_weather {"a": 1}'], call)
        assert.deepEqual(
          [content, reasoning === '', finishReason],
          ['', before === '', 'toolCalls']
        )
      }
    }
  })

  test('commentary without a recipient is said to the user, before a call too', () => {
    const said = '<|channel|>commentary<|message|>Let me look.<|end|><|start|>assistant'
    assert.deepEqual(read(said + CALL), {
      content: 'Let me look.',
      reasoning: '',
      called: ['get_weather {"a": 1}'],
      finishReason: 'toolCalls'
    })
  })

  test('a text without a header is the answer', () => {
    for (const text of ['Yes.', 'to be or not', 'assist', 'a']) {
      assert.deepEqual(read(text), { content: text, reasoning: '', called: [], finishReason: null })
    }
  })

  test('without tools a call is no part of the answer', () => {
    const { content, called } = read(CALL, { tools: null })
    assert.deepEqual([content, called], ['', []])
  })
})
