/** What the server is asked, and what becomes of what it says. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { continuation } from '../../../../helpers/upstreams/tiny-language.ts'
import { temporaryHome } from '../../../../helpers/cli.ts'
import { until } from '../../../../helpers/until.ts'
import {
  engineOn,
  startUpstream,
  UPSTREAMS,
  type UpstreamName
} from '../../../../helpers/upstreams/start.ts'
import { answer, chat, direct } from '../engine-conformance.ts'

const SERVERS = Object.keys(UPSTREAMS) as UpstreamName[]

suite('a request', () => {
  test('carries only what was asked for, under the names of the server', async (t) => {
    const sampling = {
      temperature: 0.5,
      topP: 0.9,
      topK: 0,
      minP: 0.1,
      seed: 7,
      repeatPenalty: 1.1
    }
    const expected = {
      vLLM: { repetition_penalty: 1.1, top_k: -1 },
      'llama-server': { repeat_penalty: 1.1, top_k: 0 }
    }
    for (const server of SERVERS) {
      const upstream = await startUpstream(t, server)
      const engine = await engineOn(t, upstream)
      await answer(engine, chat('hello', { sampling: {}, maxTokens: 3 }))
      await answer(engine, chat('hello', { sampling, maxTokens: 3, stop: ['x'] }))
      const [plain, full] = upstream.requests.map(({ body }) => body)
      const optional = ['temperature', 'top_p', 'top_k', 'min_p', 'seed', 'stop', 'response_format']
      for (const field of optional) assert.ok(!(field in plain!), field)
      const { temperature, top_p, min_p, seed, stop } = full!
      assert.deepEqual(
        { temperature, top_p, min_p, seed, stop },
        {
          temperature: 0.5,
          top_p: 0.9,
          min_p: 0.1,
          seed: 7,
          stop: ['x']
        }
      )
      for (const [field, value] of Object.entries(expected[server]))
        assert.equal(full![field], value)
      assert.equal(full!.max_tokens, 3)
      assert.equal(full!.stream_options?.include_usage, true)
    }
  })

  test('goes to the path of its mode, with the model of the server', async (t) => {
    const upstream = await startUpstream(t, 'vLLM', { model: 'org/some-model' })
    const engine = await engineOn(t, upstream)
    const said = await answer(engine, direct('one two', { maxTokens: 5 }))
    assert.equal(said.text, continuation('one two', 5))
    await answer(engine, chat('one two', { maxTokens: 5 }))
    assert.deepEqual(
      upstream.requests.map(({ path, body }) => [path, body.model]),
      [
        ['/v1/completions', 'org/some-model'],
        ['/v1/chat/completions', 'org/some-model']
      ]
    )
  })

  test('for JSON says so, in chat mode', async (t) => {
    const upstream = await startUpstream(t, 'vLLM')
    const engine = await engineOn(t, upstream)
    const schema = { type: 'object' }
    await answer(
      engine,
      chat('x', { maxTokens: 2, responseFormat: { type: 'jsonSchema', schema } })
    )
    assert.deepEqual(upstream.requests[0]!.body['response_format'], {
      type: 'json_schema',
      json_schema: { name: 'answer', schema, strict: true }
    })
    await assert.rejects(answer(engine, direct('x', { responseFormat: { type: 'json' } })), {
      code: 'UNSUPPORTED_PARAMETER'
    })
    // Another worker may be able to, so this is no refusal of the request.
    const resume = { resumeText: '{"a', resumeTokens: 2, responseFormat: { type: 'json' } } as const
    await assert.rejects(answer(engine, chat('x', resume)), { code: 'ENGINE_FAILED' })
  })

  test('carries the key of the file, read anew each time', async (t) => {
    const keyFile = join(temporaryHome(t), 'key')
    writeFileSync(keyFile, 'secret-1\n')
    const upstream = await startUpstream(t, 'llama-server', { key: 'secret-1' })
    const engine = await engineOn(t, upstream, { keyFile })
    await answer(engine, direct('hello', { maxTokens: 2 }))
    assert.equal(upstream.requests[0]!.headers.authorization, 'Bearer secret-1')
    writeFileSync(keyFile, 'secret-2')
    await assert.rejects(answer(engine, direct('hello')), (error: Error) => {
      assert.ok(error.message.includes(keyFile))
      assert.ok(!error.message.includes('secret'))
      return true
    })
  })
})

suite('an answer', () => {
  test('is the same when its bytes come one by one', async (t) => {
    for (const server of SERVERS) {
      const upstream = await startUpstream(t, server, { writeBytes: 1 })
      const engine = await engineOn(t, upstream)
      const { text, usage } = await answer(engine, direct('Żółw', { maxTokens: 12 }))
      assert.equal(text, continuation('Żółw', 12))
      assert.deepEqual(usage, { promptTokens: 1, cachedPromptTokens: 0, completionTokens: 12 })
    }
  })

  test('goes on in the middle of white space', async (t) => {
    const upstream = await startUpstream(t, 'vLLM')
    const engine = await engineOn(t, upstream)
    let prompt = ''
    const before = () => continuation(prompt, 9)
    for (let i = 0; !/\S\n\n/.test(before()); i++) prompt = `tell ${i}`
    const sent = /^[^]*?\S\n\n/.exec(before())![0]
    const resumeTokens = Array.from({ length: 10 }, (_, n) => continuation(prompt, n)).indexOf(sent)
    const rest = await answer(
      engine,
      direct(prompt, { maxTokens: 20, resumeText: sent, resumeTokens, resumeTokenIds: [] })
    )
    assert.equal(sent + rest.text, continuation(prompt, 20))
    assert.equal(rest.usage.completionTokens, 20)
    assert.equal(rest.tokens, 20 - resumeTokens)
  })

  test('has no more tokens than wanted when that white space does not come again', async (t) => {
    const upstream = await startUpstream(t, 'llama-server')
    const engine = await engineOn(t, upstream)
    const prompt = '<|user|>hello<|end|><|assistant|>'
    const sent = `${continuation(prompt, 3)}\n\n\n` // it did not say that
    const resume = { resumeText: sent, resumeTokens: 6, resumeTokenIds: [] }
    const rest = await answer(engine, chat('hello', { maxTokens: 10, ...resume }))
    assert.equal(upstream.requests[0]!.body.max_tokens, 7)
    assert.deepEqual([rest.tokens, rest.finishReason], [4, 'length'])
    assert.equal(rest.usage.completionTokens, 10)
  })

  test('that has filled the context when its worker died ends there', async (t) => {
    const upstream = await startUpstream(t, 'llama-server', { contextTokens: 16 })
    const engine = await engineOn(t, upstream)
    const resume = { resumeText: ' one'.repeat(14), resumeTokens: 14, resumeTokenIds: [] }
    const rest = await answer(engine, direct('a b', { maxTokens: 50, ...resume }))
    assert.deepEqual(
      [rest.text, rest.finishReason, rest.usage.completionTokens],
      ['', 'length', 14]
    )
  })

  test('that was complete when its worker died ends at once', async (t) => {
    const upstream = await startUpstream(t, 'vLLM')
    const engine = await engineOn(t, upstream)
    const resume = { resumeText: 'all of it', resumeTokens: 5, resumeTokenIds: [] }
    const rest = await answer(engine, chat('hello', { maxTokens: 5, ...resume }))
    assert.deepEqual([rest.text, rest.finishReason, rest.usage.completionTokens], ['', 'length', 5])
    assert.deepEqual(upstream.requests, [])
  })

  test('may be limited by the context of vLLM, which would refuse it', async (t) => {
    const upstream = await startUpstream(t, 'vLLM', { contextTokens: 64 })
    const engine = await engineOn(t, upstream)
    const said = await answer(engine, direct('a b c d', { maxTokens: 500 }))
    assert.deepEqual([said.finishReason, said.usage.completionTokens], ['length', 60])
    assert.deepEqual(
      upstream.requests.map(({ body }) => body.max_tokens),
      [500, 60]
    )
  })

  test('cancelled closes its connection, and the server stops', async (t) => {
    for (const server of SERVERS) {
      const upstream = await startUpstream(t, server, { tokenMs: 5 })
      const engine = await engineOn(t, upstream)
      const controller = new AbortController()
      const stream = engine.generate(direct('hello', { maxTokens: 900 }), controller.signal)
      await stream.next()
      controller.abort(new Error('enough'))
      await assert.rejects(stream.next(), /enough/)
      await until(() => upstream.cancelled === 1 && upstream.running === 0)
    }
  })
})

suite('load', () => {
  test('counts what the server does for others, and what we give it only once', async (t) => {
    const counting = SERVERS.map(async (server) => {
      const upstream = await startUpstream(t, server, { tokenMs: 10, slots: 4 })
      const engine = await engineOn(t, upstream)
      const other = await engineOn(t, upstream)
      const controller = new AbortController()
      const start = (who: typeof engine) =>
        answer(who, direct('hello', { maxTokens: 900 }), controller.signal).catch(() => {})
      const running = [start(engine), start(other), start(other)]
      await until(() => engine.metrics().running === 3 && other.metrics().running === 3)
      controller.abort()
      await Promise.all(running)
      await until(() => engine.metrics().running === 0 && other.metrics().running === 0)
    })
    await Promise.all(counting)
  })

  test('slots are what is given, or what the server says', async (t) => {
    const llama = await startUpstream(t, 'llama-server', { slots: 3 })
    assert.equal((await engineOn(t, llama)).metrics().slots, 3)
    assert.equal((await engineOn(t, llama, { slots: 2 })).metrics().slots, 2)
    const vllm = await startUpstream(t, 'vLLM')
    assert.equal((await engineOn(t, vllm)).metrics().slots, 16)
  })
})
