/**
 * Tools, token prompts and embeddings through a server: what it is asked, and what comes of its
 * answers.
 */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { CallParts } from '../../../../../services/worker/engines/openai/call-parts.ts'
import { requestBody } from '../../../../../services/worker/engines/openai/request-body.ts'
import { continuation } from '../../../../helpers/upstreams/tiny-language.ts'
import {
  engineOn,
  startUpstream,
  UPSTREAMS,
  type UpstreamName
} from '../../../../helpers/upstreams/start.ts'
import { answer, chat, direct } from '../engine-conformance.ts'

const SERVERS = Object.keys(UPSTREAMS) as UpstreamName[]
const TOOL = { name: 'say', description: 'Says it.', parameters: { type: 'object' } }
const never = new AbortController().signal

suite('tools', () => {
  test('and past calls are sent in the words of the protocol', async (t) => {
    const upstream = await startUpstream(t, 'vLLM')
    const engine = await engineOn(t, upstream)
    const messages = [
      { role: 'user' as const, content: 'x' },
      {
        role: 'assistant' as const,
        content: '',
        toolCalls: [{ id: 'a', name: 'say', arguments: '{}' }]
      },
      { role: 'tool' as const, content: 'done', toolCallId: 'a' }
    ]
    const request = chat('', { input: { mode: 'chat', messages }, maxTokens: 2 })
    const toolChoice = { name: 'say' }
    const asked = {
      tools: [TOOL],
      toolChoice,
      parallelToolCalls: false,
      reasoningEffort: 'low'
    } as const
    await answer(engine, { ...request, ...asked, tools: [TOOL] })
    const { body } = upstream.requests[0]!
    const called = { name: 'say', arguments: '{}' }
    assert.deepEqual(body.messages, [
      { role: 'user', content: 'x' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'a', type: 'function', function: called }]
      },
      { role: 'tool', content: 'done', tool_call_id: 'a' }
    ])
    assert.deepEqual(body.tools, [{ type: 'function', function: TOOL }])
    assert.deepEqual(body.tool_choice, { type: 'function', function: { name: 'say' } })
    assert.equal(body.parallel_tool_calls, false)
    assert.equal(body['reasoning_effort'], 'low')
  })

  test('that a server would ignore are refused by name', () => {
    const facts = { kind: 'ollama', id: 'm', maxTokens: 5, prefix: '' } as const
    const request = chat('x', { tools: [TOOL] })
    assert.ok('tools' in requestBody(request, facts).body)
    for (const [param, asked] of [
      ['toolChoice', { toolChoice: 'required' }],
      ['parallelToolCalls', { parallelToolCalls: false }]
    ] as const) {
      assert.throws(() => requestBody({ ...request, ...asked }, facts), {
        code: 'UNSUPPORTED_PARAMETER',
        details: { param }
      })
    }
    assert.throws(() => requestBody(direct('x', { tools: [TOOL] }), facts), {
      details: { param: 'tools' }
    })
  })

  test('that are called in a stream that dies are a retryable failure', async (t) => {
    const upstream = await startUpstream(t, 'vLLM')
    const engine = await engineOn(t, upstream)
    upstream.faults.push({ kind: 'dies', afterTokens: 2 })
    const request = chat('x', { tools: [TOOL], toolChoice: 'required' })
    await assert.rejects(answer(engine, request), { code: 'ENGINE_FAILED' })
  })

  test('parts without number or id are put in their place, and those without a call refused', () => {
    const parts = new CallParts('it')
    assert.deepEqual(parts.push([{ function: { name: 'a', arguments: '{' } }], 'x'), [
      { index: 0, id: 'call_x_0', name: 'a', arguments: '{' }
    ])
    assert.deepEqual(parts.push([{ function: { arguments: '}' } }], 'x'), [
      { index: 0, arguments: '}' }
    ])
    assert.equal(parts.push([{ id: 'own', function: { name: 'b' } }], 'x')[0]!.id, 'own')
    assert.throws(() => parts.push([{ index: 7, function: { arguments: '}' } }], 'x'), {
      code: 'ENGINE_FAILED'
    })
  })
})

test('a prompt of tokens is sent as it is', async (t) => {
  for (const server of SERVERS) {
    const upstream = await startUpstream(t, server)
    const engine = await engineOn(t, upstream)
    assert.ok(engine.parameters.has('tokens'))
    const input = { mode: 'tokens' as const, tokenIds: [5, 7] }
    const { text } = await answer(engine, { ...direct(''), input, maxTokens: 4 })
    assert.equal(text, continuation('5 7', 4))
    assert.deepEqual(upstream.requests[0]!.body.prompt, [5, 7])
  }
})

suite('embeddings', () => {
  test('are offered where the server makes them, in the order of the inputs and of length 1', async (t) => {
    for (const server of SERVERS) {
      const without = await engineOn(t, await startUpstream(t, server))
      assert.ok(!('embed' in without) || !without.embed)
      const engine = await engineOn(t, await startUpstream(t, server, { embeds: true }))
      const texts = Array.from({ length: 70 }, (_, i) => `text ${i}`)
      const all = await engine.embed!([...texts, [1, 2]], never)
      assert.equal(all.vectors.length, 71)
      for (const vector of all.vectors) assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-5)
      const alone = await engine.embed!([texts[69]!], never)
      assert.deepEqual(alone.vectors[0], all.vectors[69])
      assert.ok(all.promptTokens > alone.promptTokens)
      await assert.rejects(engine.embed!(['x'], AbortSignal.abort(new Error('no'))), /no/)
      assert.equal(engine.metrics().running, 0)
    }
  })
})
