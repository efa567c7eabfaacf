import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readWorkerConfig } from '../../../../services/worker/config.ts'
import { splitModelOptions } from '../../../../services/worker/models/model-options.ts'

test('options stand behind the URI of a model', () => {
  const all = 'hf:a/b:Q4?context=32k&slots=16&kv=q8_0&flash-attention=on&chat-template=t.jinja'
  assert.deepEqual(splitModelOptions(all), {
    uri: 'hf:a/b:Q4',
    options: {
      contextTokens: 32_768,
      slots: 16,
      kv: 'q8_0',
      flashAttention: true,
      chatTemplate: 't.jinja'
    }
  })
  assert.deepEqual(splitModelOptions('/m/x.gguf?context=1M').options, { contextTokens: 1_048_576 })
  assert.deepEqual(splitModelOptions('builtin?flash-attention=auto').options, {})
})

test('a question mark in the name of a file is part of the name', () => {
  assert.deepEqual(splitModelOptions('why?.gguf'), { uri: 'why?.gguf', options: {} })
  const both = splitModelOptions('why?.gguf?slots=2')
  assert.deepEqual(both, { uri: 'why?.gguf', options: { slots: 2 } })
})

test('an option that cannot be used is refused with what it may be', () => {
  const faults: Record<string, RegExp> = {
    'context=0': /context=0 cannot be used: it must be a number of tokens from 64/,
    'context=32kb': /must be a number of tokens/,
    'slots=1.5': /slots=1.5 cannot be used: it must be a whole number from 1 to 256/,
    'kv=q5_9': /must be one of f16, q8_0, q4_0/,
    'flash-attention=yes': /must be on, off or auto/,
    'chat-template=': /a file, or the name/,
    'tools=none': /auto, or template/,
    'kv=q8_0&flash-attention=off': /kv=q8_0 needs flash attention/,
    'speed=3': /speed is not one of context, slots, kv, flash-attention, chat-template/
  }
  for (const [query, message] of Object.entries(faults)) {
    const read = () => splitModelOptions(`builtin?${query}`)
    assert.throws(read, { code: 'CONFIG_INVALID', message }, query)
  }
})

test('options of the command line come before the environment', () => {
  const env = { CONTEXT: '8k', SLOTS: '2', KV_TYPE: 'q8_0', CHAT_TEMPLATE: 'chatml' }
  const { modelOptions } = readWorkerConfig(env, { context: '16k', flashAttention: 'on' })
  assert.deepEqual(modelOptions, {
    contextTokens: 16_384,
    slots: 2,
    kv: 'q8_0',
    flashAttention: true,
    chatTemplate: 'chatml'
  })
  assert.deepEqual(readWorkerConfig({}).modelOptions, {})
  assert.throws(() => readWorkerConfig({ KV_TYPE: 'q8_0' }, { flashAttention: 'off' }), {
    code: 'CONFIG_INVALID'
  })
})
