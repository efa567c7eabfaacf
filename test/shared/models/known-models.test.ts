/** What people say for a model, and what it stands for. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KNOWN_MODELS, modelUri } from '#shared/models/known-models.ts'
import { parseHubUri } from '../../../services/worker/models/sources/hub.ts'

test('short names, repositories and addresses of the hub stand for a URI of the hub', () => {
  const said = {
    'qwen3-4b': 'hf:Qwen/Qwen3-4B-GGUF:Q4_K_M',
    'Qwen3-4B': 'hf:Qwen/Qwen3-4B-GGUF:Q4_K_M',
    'Qwen/Qwen3-4B-GGUF': 'hf:Qwen/Qwen3-4B-GGUF',
    'Qwen/Qwen3-4B-GGUF:Q8_0': 'hf:Qwen/Qwen3-4B-GGUF:Q8_0',
    'https://huggingface.co/Qwen/Qwen3-4B-GGUF': 'hf:Qwen/Qwen3-4B-GGUF',
    'https://huggingface.co/Qwen/Qwen3-4B-GGUF/tree/main': 'hf:Qwen/Qwen3-4B-GGUF',
    'https://huggingface.co/u/r/resolve/main/sub/m.gguf?download=true': 'hf:u/r/sub/m.gguf',
    'https://hf.co/u/r/blob/v2/m.gguf': 'hf:u/r/m.gguf#v2'
  }
  for (const [text, uri] of Object.entries(said)) assert.equal(modelUri(text), uri, text)
})

test('files, URIs and other addresses stay what they are', () => {
  const others = [
    'builtin',
    'sim',
    'models/m.gguf',
    './m.gguf',
    'hf:u/r:Q4_0',
    'https://else.where/u/r'
  ]
  for (const text of others) assert.equal(modelUri(text), text)
})

test('every known model has a name of its own and a URI that the hub is asked with', () => {
  assert.equal(new Set(KNOWN_MODELS.map(({ name }) => name)).size, KNOWN_MODELS.length)
  for (const { uri, sizeBytes, memoryBytes } of KNOWN_MODELS) {
    assert.equal(parseHubUri(uri).text, uri)
    assert.ok(memoryBytes > sizeBytes)
  }
})
