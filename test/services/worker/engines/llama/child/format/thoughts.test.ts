/** Thoughts, kept apart from answers. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { genericCalls } from '../../../../../../../services/worker/engines/llama/child/format/generic-calls.ts'
import { markedFormat } from '../../../../../../../services/worker/engines/llama/child/format/marked-format.ts'
import type { OutputFormat } from '../../../../../../../services/worker/engines/llama/child/format/output-format.ts'
import type { Token } from '../../../../../../../services/worker/engines/llama/child/vocabulary.ts'
import { byteVocabulary, readCut, readOutput } from '../../../../../../helpers/recorded/reading.ts'

const thinking = (begin: string, end: string) =>
  markedFormat({ name: 'test', reasons: true, thoughts: [{ begin, end }], calls: null })
const TEXT_MARKS = thinking('<think>', '</think>')
const TOKEN_MARKS = thinking('[THINK]', '[/THINK]')

/** Cut at every place; all cuts must give the same. */
function split(output: string, opened = false, format: OutputFormat = TEXT_MARKS) {
  const vocabulary = byteVocabulary({ control: ['[THINK]', '[/THINK]', '<|end|>'] })
  const options = { format, vocabulary, thought: opened ? ('open' as const) : ('free' as const) }
  const { reasoning, content, reasoningTokens } = readOutput(output, options)
  const whole = readCut(output, 0, options)
  for (let at = 0; at < whole.length; at++) {
    assert.deepEqual(readCut(output, at, options), whole, `cut before ${at}`)
  }
  assert.deepEqual([whole.reasoning, whole.content], [reasoning, content])
  return { said: [reasoning, content], reasoningTokens }
}

suite('thoughts', () => {
  test('are what stands between the marks at the beginning, however they are cut', () => {
    assert.deepEqual(split('<think>\nhm < 3\n</think>\n\nYes.').said, ['hm < 3', 'Yes.'])
    assert.deepEqual(split('\n<think>hm</think>No </think> more').said, ['hm', 'No </think> more'])
    assert.deepEqual(split('hm</think>Yes.', true).said, ['hm', 'Yes.'])
    assert.deepEqual(split('<think>cut off </thi').said, ['cut off </thi', ''])
  })

  test('an answer that does not begin with one is left as it is', () => {
    for (const text of [' Yes.', '<thinking>', 'I <think>so</think>', '<th', '\n\n']) {
      assert.deepEqual(split(text).said, ['', text])
    }
  })

  test('marks that are tokens begin one anywhere, and spelled in letters they are text', () => {
    const { said } = split('One.[THINK]a[/THINK] Two. [THINK] b [/THINK]', false, TOKEN_MARKS)
    assert.deepEqual(said, ['a\nb', 'One.Two.'])
    const plain = byteVocabulary({})
    const read = readOutput('[THINK]a[/THINK]b', { format: TOKEN_MARKS, vocabulary: plain })
    assert.deepEqual([read.reasoning, read.content], ['a', 'b'], 'no tokens: letters are the marks')
  })

  test('their tokens are counted, with the marks', () => {
    assert.equal(split('[THINK]abc[/THINK]Yes.', false, TOKEN_MARKS).reasoningTokens, 5)
    assert.equal(split('Yes.', false, TOKEN_MARKS).reasoningTokens, 0)
  })
})

test('a call that begins inside of a thought ends it, and the grammar follows from its mark', () => {
  const vocabulary = byteVocabulary({ control: ['[THINK]', '[/THINK]', '[CALL]'] })
  const format = markedFormat({
    name: 'test',
    reasons: true,
    thoughts: [{ begin: '[THINK]', end: '[/THINK]' }],
    calls: {
      begin: '',
      open: '[CALL]',
      close: '',
      between: null,
      end: '',
      trigger: '[CALL]',
      call: genericCalls.call
    }
  })
  const followed: Token[] = []
  const grammars = {
    compile: () => ({
      begin: () => ({ allows: () => true, accept: (token: Token) => followed.push(token) })
    })
  }
  const { calls, reasoning } = readOutput('Hm.[CALL]{"name": "now", "arguments": {}}', {
    format,
    vocabulary,
    grammars,
    thought: 'open',
    forced: { kind: 'calls' },
    tools: [{ name: 'now' }]
  })
  assert.deepEqual([reasoning, calls.map(({ name }) => name)], ['Hm.', ['now']])
  assert.deepEqual(followed, vocabulary.tokenize('[CALL]', { special: true }))
})
