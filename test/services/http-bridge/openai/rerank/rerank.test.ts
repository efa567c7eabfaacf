import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RerankReply } from '#shared/contracts/http/rerank.ts'
import { rank } from '../../../../../services/http-bridge/openai/rerank/rank.ts'
import { startBridge } from '../../bridge.ts'
import { fitting } from '../checklist.ts'

const vector = (...values: number[]) => Float32Array.from(values)

test('the nearest comes first, of equals the earlier one, and no more than wanted', () => {
  const documents = [vector(0, 1), vector(1, 0), vector(-1, 0), vector(1, 0)]
  const ranked = rank(vector(1, 0), documents)
  assert.deepEqual(ranked, [
    { index: 1, score: 1 },
    { index: 3, score: 1 },
    { index: 0, score: 0 },
    { index: 2, score: -1 }
  ])
  assert.deepEqual(rank(vector(1, 0), documents, 2), ranked.slice(0, 2))
  assert.deepEqual(rank(vector(1, 0), documents, 9), ranked)
})

test('rerank over HTTP: texts and objects, top_n, the documents with it', async (t) => {
  const { url, embedded } = await startBridge(t)
  const post = async (body: object) => {
    const response = await fetch(`${url}/v1/rerank`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body)
    })
    const reply: unknown = await response.json()
    return { status: response.status, body: reply }
  }
  // The vectors of this mesh say how long a text is.
  const asked = { model: 'm', query: 'aa', documents: ['a', { text: 'aaaa' }, 'aaa'] }
  const all = await post({ ...asked, return_documents: true })
  const { results, usage } = fitting(RerankReply, all.body)
  assert.deepEqual(
    results.map(({ index, document }) => [index, document?.text]),
    [
      [1, 'aaaa'],
      [2, 'aaa'],
      [0, 'a']
    ]
  )
  assert.equal(usage.total_tokens, 4)
  assert.deepEqual(embedded.at(-1), { model: 'm', inputs: ['aa', 'a', 'aaaa', 'aaa'] })
  const [best, ...others] = fitting(RerankReply, (await post({ ...asked, top_n: 1 })).body).results
  assert.deepEqual([best?.index, best?.document, others], [1, undefined, []])
  for (const bad of [{ documents: [] }, { query: '' }, { top_n: -1 }]) {
    assert.equal((await post({ ...asked, ...bad })).status, 400)
  }
})

test('what no engine can serve is refused by name, whatever its body is', async (t) => {
  const { url } = await startBridge(t)
  const form = new FormData()
  form.set('file', new Blob(['x']), 'a.wav')
  for (const [path, body, words] of [
    ['/v1/audio/transcriptions', form, /no audio/],
    ['/v1/audio/speech', '{"input":"hi"}', /no audio/],
    ['/v1/images/generations', '{"prompt":"a cat"}', /no images/],
    ['/v1/moderations', '{"input":"hi"}', /no moderation/]
  ] as const) {
    const headers = typeof body === 'string' ? { 'content-type': 'application/json' } : {}
    const response = await fetch(url + path, { method: 'POST', body, headers })
    const { error } = (await response.json()) as { error: { code: string; message: string } }
    assert.deepEqual([response.status, error.code], [400, 'unsupported_parameter'])
    assert.match(error.message, words)
  }
})
