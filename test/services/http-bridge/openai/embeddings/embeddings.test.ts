/** What clients of `/v1/embeddings` expect. What is refused is in docs/openai.md. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EmbeddingsReply } from '#shared/contracts/http/embeddings.ts'
import { startChecklist } from '../checklist.ts'

const path = '/v1/embeddings'
const { good, refused } = await startChecklist({})

test('embeddings: string, list, tokens; base64 and float; usage', async () => {
  const asked = { model: 'vectors', input: 'four' }
  const float = await good(path, EmbeddingsReply, asked)
  assert.deepEqual(float.data[0]!.embedding, [4, 4, 4])
  assert.deepEqual(float.usage, { prompt_tokens: 1, total_tokens: 1 })
  const { data } = await good(path, EmbeddingsReply, { ...asked, encoding_format: 'base64' })
  const bytes = Buffer.from(data[0]!.embedding as string, 'base64')
  assert.equal(bytes.readFloatLE(8), 4)
  assert.equal((await good(path, EmbeddingsReply, { ...asked, input: ['a', 'b'] })).data.length, 2)
  assert.equal((await good(path, EmbeddingsReply, { ...asked, input: [1, 2] })).data.length, 1)
  assert.equal((await good(path, EmbeddingsReply, { ...asked, input: [[1], [2]] })).data.length, 2)
  await refused(path, { ...asked, dimensions: 2 }, 'dimensions')
  await refused(path, { ...asked, model: 'sim' }, 'model')
})
