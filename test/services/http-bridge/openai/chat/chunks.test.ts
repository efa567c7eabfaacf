/** How `/v1/chat/completions` streams, also when the client leaves or the stream breaks. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OpenAiErrorBody } from '#shared/contracts/http/openai-error.ts'
import { until } from '../../../../helpers/until.ts'
import { readStream } from '../openai-mesh.ts'
import { calling, chat, CHAT, fitting, startChecklist } from '../checklist.ts'

const setup = { llama: true, bridge: { keepAliveMs: 5 } }
const { chunks, post, running, stream, url } = await startChecklist(setup)

test('chunks: role first, deltas, finish_reason, [DONE]', async () => {
  const all = await chunks(chat)
  assert.equal(new Set(all.map(({ id }) => id)).size, 1)
  assert.deepEqual(all[0]!.choices[0]!.delta, { role: 'assistant', content: '' })
  const rest = all.slice(1)
  assert.ok(rest.every((chunk) => chunk.choices[0]!.delta.role === undefined))
  assert.deepEqual(
    all.map(({ choices }) => choices[0]!.finish_reason),
    [...all.slice(1).map(() => null), 'stop']
  )
  const cut = await chunks({ ...chat, max_tokens: 2 })
  assert.equal(cut.at(-1)!.choices[0]!.finish_reason, 'length')
})

test('chunks: a request that names no model is told which one answers', async () => {
  const { model: _, ...unnamed } = chat
  const models = (await chunks(unnamed)).map(({ model }) => model)
  // What keeps the connection alive before the first token cannot know it.
  const known = models.slice(models.findIndex((model) => model !== ''))
  const whole = (await (await post(CHAT, unnamed)).json()) as { model: string }
  assert.deepEqual([...new Set(known)], [whole.model])
  assert.ok(known.length > 1)
})

test('chunks: empty deltas keep a silent connection alive, and nobody gets a comment unasked', async () => {
  // 20 ms from token to token, and here an empty delta after 5 ms of silence.
  const { events, comments } = await stream(CHAT, { ...chat, model: 'slow', max_tokens: 4 })
  assert.ok(
    events.some(({ data }) => data.includes('"delta":{},"logprobs":null,"finish_reason":null'))
  )
  assert.deepEqual(comments, [])
  assert.equal(events.at(-1)!.data, '[DONE]')
})

test('chunks: tool_calls with id and name first, then fragments of arguments', async () => {
  const all = await chunks(calling)
  const deltas = all.flatMap(({ choices }) => choices[0]!.delta.tool_calls ?? [])
  const [first, ...rest] = deltas
  assert.equal(first!.index, 0)
  assert.ok(first!.id && first!.type === 'function' && first!.function.name === 'f')
  // What was written while the bridge was busy comes in one delta.
  assert.ok(rest.every((delta) => !('id' in delta)))
  const json = deltas.map((delta) => delta.function.arguments).join('')
  assert.ok('a' in (JSON.parse(json) as object))
  assert.equal(all.at(-1)!.choices[0]!.finish_reason, 'tool_calls')
})

test('chunks: what HAIF has to tell is in comments', async () => {
  const response = await post(
    CHAT,
    { ...chat, stream: true },
    { 'x-haif-explain': '1', 'x-haif-queue': '1' }
  )
  const { comments } = readStream(await response.text())
  const served = comments.find((comment) => comment.startsWith('haif-served '))!
  const told = JSON.parse(served.slice('haif-served '.length)) as { 'x-haif-worker': string }
  assert.match(told['x-haif-worker'], /^[0-9a-f]{64}$/)
  assert.ok(comments.some((comment) => comment.startsWith('haif-explain ')))
})

test('errors: the same object inside a broken stream', async () => {
  const lastOf = async (path: string, body: object) => {
    const late = { 'x-haif-timeout-ms': '1000' } // it has begun by then
    const response = await post(path, { ...body, model: 'slow', stream: true }, late)
    const { events } = readStream(await response.text())
    assert.ok(events.length > 1, path)
    return fitting(OpenAiErrorBody, JSON.parse(events.at(-1)!.data))
  }
  const completion = { prompt: 'hi', max_tokens: 5000 }
  const both = [lastOf(CHAT, chat), lastOf('/v1/completions', completion)]
  for (const { error } of await Promise.all(both)) assert.equal(error.code, 'deadline_exceeded')
})

// That the partial usage is counted is in flow.test.ts.
test('a client that disconnects stops the worker within a second', async () => {
  const controller = new AbortController()
  const response = await fetch(url + CHAT, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...chat, model: 'slow', stream: true, n: 2 }),
    signal: controller.signal
  })
  await response.body!.getReader().read()
  await until(() => running() === 2)
  controller.abort()
  await until(() => running() === 0, 1000)
})
