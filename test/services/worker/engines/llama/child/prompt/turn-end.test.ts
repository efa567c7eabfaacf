/** What ends a turn, found in the templates of real models. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ChatTemplate } from '../../../../../../../services/worker/engines/llama/child/prompt/chat-template.ts'
import { turnEndOf } from '../../../../../../../services/worker/engines/llama/child/prompt/turn-end.ts'
import { bundleTemplates } from '../../../../../../helpers/bundle-templates.ts'

const templates = bundleTemplates()

test('a turn ends with the mark after its content, and never with that of an empty one', () => {
  const ends = {
    'Qwen-Qwen3-0.6B': '<|im_end|>\n',
    'GLM-4.6': '<|user|>\n', // writes nothing itself: the next turn ends this one
    'openai-gpt-oss-120b': '<|return|>', // and not <|end|>, which ends a message of the turn
    'inclusionai-ling-3.0-flash': '<|role_end|>', // and not </think>
    'poolside-Laguna-S-2.1': '</assistant>\n',
    'MiniMax-M2': '[e~[\n',
    'meta-llama-Llama-3.1-8B-Instruct': '<|eot_id|>',
    'mistralai-Mistral-Nemo-Instruct-2407': '<eos>',
    'NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use': '<|im_end|>\n', // needs a list of tools
    'llama-cpp-rwkv-world': '\n\nUser: '
  }
  for (const [name, end] of Object.entries(ends)) {
    const source = templates.get(name)!
    const template = new ChatTemplate({ source, bosText: '<bos>', eosText: '<eos>' })
    assert.equal(turnEndOf(template), end, name)
  }
  for (const [name, source] of templates) {
    const template = new ChatTemplate({ source, bosText: '<bos>', eosText: '<eos>' })
    assert.match(turnEndOf(template), /\S/, name)
  }
})
