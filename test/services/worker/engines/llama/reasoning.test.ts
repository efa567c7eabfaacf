/** A model that thinks, through the engine. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { BYTE_SYMBOLS } from '../../../../../tools/haif-tiny/gguf/vocabulary.ts'
import { answer, chat, direct, randomModel, startEngine } from './engines.ts'

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
