/** Thoughts, kept apart from answers. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ReasoningSplitter } from '../../../../../services/worker/engines/llama/child/answer/reasoning.ts'
import { BYTE_SYMBOLS } from '../../../../../tools/haif-tiny/gguf/vocabulary.ts'
import { answer, chat, direct, randomModel, startEngine } from './engines.ts'

const MARKS = { begin: '<think>', end: '</think>' }

/** Its text in pieces of each size; all sizes must give the same. */
function split(text: string, opened = false): [reasoning: string, text: string] {
  const results = Array.from({ length: text.length }, (_, i) => inPieces(text, i + 1, opened))
  for (const result of results) assert.deepEqual(result, results[0])
  return results[0]!
}

function inPieces(text: string, size: number, opened: boolean): [string, string] {
  const splitter = new ReasoningSplitter(MARKS, opened)
  const parts = []
  for (let at = 0; at < text.length; at += size)
    parts.push(splitter.push(text.slice(at, at + size)))
  parts.push(splitter.flush())
  return [parts.map((part) => part.reasoning).join(''), parts.map((part) => part.text).join('')]
}

suite('reasoning', () => {
  test('is what stands between the marks at the beginning, however it is cut', () => {
    assert.deepEqual(split('<think>\nhm < 3\n</think>\n\nYes.'), ['hm < 3\n', 'Yes.'])
    assert.deepEqual(split('\n<think>hm</think>No </think> more'), ['hm', 'No </think> more'])
    assert.deepEqual(split('hm</think>Yes.', true), ['hm', 'Yes.'])
    assert.deepEqual(split('<think>cut off </thi'), ['cut off </thi', ''])
  })

  test('an answer that does not begin with one is left as it is', () => {
    for (const text of [' Yes.', '<thinking>', 'I <think>so</think>', '<th', '\n\n']) {
      assert.deepEqual(split(text), ['', text])
    }
    assert.deepEqual(new ReasoningSplitter(null).push('<think>a</think>'), {
      reasoning: '',
      text: '<think>a</think>'
    })
  })
})

const turn = "<|im_start|>{{ m['role'] }}\n"
const THINKING_TEMPLATE =
  `{% for m in messages %}{% if m['role'] == 'assistant' %}{% set content = m['content'] %}` +
  `{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}` +
  `${turn}{{ content }}<|im_end|>\n{% else %}${turn}{{ m['content'] }}<|im_end|>\n{% endif %}` +
  `{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}`

suite('a model that thinks', () => {
  const tokensOf = (text: string) => Array.from(text, (byte) => BYTE_SYMBOLS.indexOf(byte))

  test('its thoughts come apart, from wherever the answer is resumed', async (t) => {
    const { engine } = await startEngine(t, {
      modelPath: await randomModel(t, { chatTemplate: THINKING_TEMPLATE })
    })
    const resumed = async (text: string, request = chat('hi')) => {
      const resumeTokenIds = tokensOf(text)
      let reasoning = ''
      let rest = ''
      const all = { ...request, maxTokens: resumeTokenIds.length + 4, resumeTokenIds }
      for await (const item of engine.generate(all, new AbortController().signal)) {
        reasoning += item.reasoning ?? ''
        rest += item.text
      }
      return { reasoning, rest }
    }
    const inThought = await resumed('hm')
    assert.ok(inThought.reasoning !== '' && !inThought.reasoning.includes('hm'))
    assert.equal(inThought.rest, '')
    const afterwards = await resumed('hm</think>Yes')
    assert.equal(afterwards.reasoning, '')
    assert.ok(afterwards.rest !== '' && !afterwards.rest.includes('Yes'))
    // Without the template nothing is known of thoughts.
    assert.equal((await resumed('hm', direct('hi'))).reasoning, '')
    // The prompt has opened the thought, so an answer without an end mark is nothing else.
    assert.equal((await answer(engine, chat('hi', { maxTokens: 8 }))).text, '')
  })
})
