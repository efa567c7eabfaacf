/** The reasoning effort in the variables of a template. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ChatTemplate } from '../../../../../../../services/worker/engines/llama/child/prompt/chat-template.ts'
import { EffortVariables } from '../../../../../../../services/worker/engines/llama/child/prompt/effort.ts'
import {
  DEEPSEEK_TEMPLATE,
  HERMES_TEMPLATE,
  LLAMA_TEMPLATE
} from '../../../../../../helpers/tool-templates.ts'

const effort = (source: string) =>
  new EffortVariables(new ChatTemplate({ source, bosText: '', eosText: '' }))

test('a switch is on for every effort but none', () => {
  assert.deepEqual(effort(HERMES_TEMPLATE).of('none'), { enable_thinking: false })
  assert.deepEqual(effort(HERMES_TEMPLATE).of('xhigh'), { enable_thinking: true })
  assert.deepEqual(effort(DEEPSEEK_TEMPLATE).of('low'), { thinking: true })
})

test('families name their switches and words differently', () => {
  const budget = effort('{% if thinking_budget == 0 %}No thoughts.{% endif %}')
  assert.deepEqual(budget.of('none'), { thinking_budget: 0 })
  const modes = effort(`{% if thinking_mode == 'disabled' %}No thoughts.{% endif %}`)
  assert.deepEqual(modes.of('high'), { thinking_mode: 'enabled' })
  const words = effort(
    `{% if thinking_effort not in ['low', 'max', none] %}{{ raise_exception('no') }}{% endif %}` +
      '{{ thinking_effort }}'
  )
  assert.deepEqual(words.of('xhigh'), { thinking_effort: 'max' })
})

test('a template that writes any word gets one that models know', () => {
  const words = effort(`${LLAMA_TEMPLATE}{{ 'Reasoning: ' + (reasoning_effort or 'medium') }}`)
  assert.deepEqual(words.of('high'), { reasoning_effort: 'high' })
  assert.deepEqual(words.of('max'), { reasoning_effort: 'high' })
  assert.deepEqual(words.of('none'), { reasoning_effort: 'low' })
})

test('a template that knows some words gets the nearest of them', () => {
  const words = effort(
    `{% if reasoning_effort == 'max' %}Think hard{% elif reasoning_effort == 'low' %}Be brief{% endif %}`
  )
  assert.deepEqual(words.of('max'), { reasoning_effort: 'max' })
  assert.deepEqual(words.of('high'), { reasoning_effort: 'max' })
  assert.deepEqual(words.of('minimal'), { reasoning_effort: 'low' })
  assert.deepEqual(words.of('medium'), {})
})

test('a template without any gets none', () => {
  assert.deepEqual(effort(LLAMA_TEMPLATE).of('high'), {})
})
