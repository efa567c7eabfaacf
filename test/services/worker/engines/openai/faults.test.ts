/**
 * Everything that a server can do wrong: a clear error within its time, and never half an answer
 * taken for a whole one.
 */
import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'
import type { Engine } from '../../../../../services/worker/engines/engine.ts'
import { HaifError, type ErrorCode } from '../../../../../shared/errors.ts'
import type { Fault } from '../../../../helpers/upstreams/fake-upstream.ts'
import { continuation } from '../../../../helpers/upstreams/tiny-language.ts'
import {
  engineOn,
  startUpstream,
  TEST_TIMEOUTS,
  UPSTREAMS,
  type UpstreamName
} from '../../../../helpers/upstreams/start.ts'
import { assertNoForbiddenWords } from '../../../../helpers/forbidden-words.ts'
import { answer, direct } from '../engine-conformance.ts'

const SERVERS = Object.keys(UPSTREAMS) as UpstreamName[]
const request = direct('hello there', { maxTokens: 12 })
const whole = continuation('hello there', 12)

async function failure(engine: Engine): Promise<{ error: HaifError; text: string }> {
  let text = ''
  try {
    for await (const item of engine.generate(request, new AbortController().signal))
      text += item.text
  } catch (error) {
    assert.ok(error instanceof HaifError, String(error))
    return { error, text }
  }
  throw new Error(`no failure, but "${text}"`)
}

/** With both servers, and with the next request answered as if nothing had been. */
async function fails(
  t: TestContext,
  fault: Fault,
  code: ErrorCode,
  message: RegExp,
  sentTokens = 0
): Promise<HaifError> {
  const errors = SERVERS.map(async (server) => {
    const upstream = await startUpstream(t, server)
    const engine = await engineOn(t, upstream, { timeouts: TEST_TIMEOUTS })
    upstream.faults.push(fault)
    const { error, text } = await failure(engine)
    assert.equal(error.code, code, error.message)
    assert.match(error.message, message)
    assertNoForbiddenWords(error.message)
    // What arrives together with the end of a connection may be lost with it.
    if (fault.kind === 'dies') assert.ok(continuation('hello there', sentTokens).startsWith(text))
    else assert.equal(text, continuation('hello there', sentTokens))
    assert.deepEqual([engine.metrics().running, engine.metrics().waiting], [0, 0])
    const isLost = code === 'MODEL_NOT_FOUND' || /key/.test(error.message)
    if (!isLost) assert.equal((await answer(engine, request)).text, whole)
    return error
  })
  return (await Promise.all(errors))[0]!
}

suite('a server that breaks off', () => {
  test('by a closed connection', async (t) => {
    const error = await fails(t, { kind: 'dies', afterTokens: 4 }, 'ENGINE_FAILED', /broke off/, 4)
    assert.ok(error.retryable)
    await fails(t, { kind: 'dies', afterTokens: 0 }, 'ENGINE_FAILED', /broke off/)
  })

  test('by an end in good order, with [DONE] or without', async (t) => {
    for (const done of [true, false]) {
      const fault: Fault = { kind: 'endsEarly', afterTokens: 5, done }
      await fails(t, fault, 'ENGINE_FAILED', /no end/, 5)
    }
  })

  test('by an error in the stream', async (t) => {
    const error = {
      message: 'EngineCore encountered an issue',
      type: 'InternalServerError',
      code: 500
    }
    const fault: Fault = { kind: 'errorEvent', afterTokens: 3, error }
    await fails(t, fault, 'ENGINE_FAILED', /EngineCore encountered/, 3)
  })

  test('by something that is no answer', async (t) => {
    const garbage = (bytes: string): Fault => ({ kind: 'garbage', afterTokens: 2, bytes })
    await fails(t, garbage('data: {"choices":[{"delta\n\n'), 'ENGINE_FAILED', /no JSON/, 2)
    await fails(
      t,
      garbage('data: {"choices":"many"}\n\n'),
      'ENGINE_FAILED',
      /event of its answer/,
      2
    )
    await fails(t, garbage('error: {"message":"slot gone"}\n\n'), 'ENGINE_FAILED', /slot gone/, 2)
    await fails(t, garbage('<html>502</html>'), 'ENGINE_FAILED', /no end/, 2)
    await fails(t, garbage('x'.repeat(100_000)), 'ENGINE_FAILED', /without an end/, 2)
    const aborted = 'data: {"choices":[{"delta":{},"finish_reason":"abort"}]}\n\n'
    await fails(t, garbage(aborted), 'ENGINE_FAILED', /abort/, 2)
  })
})

suite('a server that is silent', () => {
  test('without a byte', async (t) => {
    await fails(t, { kind: 'hangs' }, 'ENGINE_FAILED', /sent nothing for 1 s/)
  })

  test('after its headers, or in the middle', async (t) => {
    await fails(t, { kind: 'hangs', headers: true }, 'ENGINE_FAILED', /sent nothing for 1 s/)
    const midway: Fault = { kind: 'hangsMidway', afterTokens: 3 }
    await fails(t, midway, 'ENGINE_FAILED', /sent nothing for 0.5 s/, 3)
  })

  test('is given the time that it needs for its first token', async (t) => {
    const upstream = await startUpstream(t, 'vLLM')
    const engine = await engineOn(t, upstream, {
      timeouts: { ...TEST_TIMEOUTS, firstTokenMs: 20_000 }
    })
    upstream.faults.push({ kind: 'slow', ms: 700 })
    assert.equal((await answer(engine, request)).text, whole)
  })
})

suite('an answer whose end has come is whole', () => {
  test('without a usage, which is then an estimate and says so where nothing tells', async (t) => {
    for (const fault of [
      { kind: 'noUsage' },
      { kind: 'noDone' },
      { kind: 'hangsAtEnd' }
    ] as const) {
      const saying = SERVERS.map(async (server) => {
        const upstream = await startUpstream(t, server)
        const engine = await engineOn(t, upstream)
        upstream.faults.push(fault)
        return answer(engine, request)
      })
      for (const said of await Promise.all(saying)) {
        assert.equal(said.text, whole)
        assert.equal(said.finishReason, 'length')
        // Both have told it with each piece.
        assert.deepEqual(said.usage, {
          promptTokens: 2,
          cachedPromptTokens: 0,
          completionTokens: 12
        })
      }
    }
  })

  test('a server that tells no numbers at all', async (t) => {
    const upstream = await startUpstream(t, 'vLLM')
    const engine = await engineOn(t, upstream)
    const text = (content: string, end: string | null) =>
      `data: ${JSON.stringify({ choices: [{ text: content, finish_reason: end }] })}\n\n`
    const bytes = text('one', null) + text(' two', null) + text('', 'stop')
    upstream.faults.push({ kind: 'garbage', afterTokens: 0, bytes })
    const { usage, text: said, tokens } = await answer(engine, request)
    assert.deepEqual([said, tokens], ['one two', 2])
    const estimate = {
      promptTokens: 3,
      cachedPromptTokens: 0,
      completionTokens: 2,
      estimated: true
    }
    assert.deepEqual(usage, estimate)
  })
})

const refusal = (status: number, message: string, more: object = {}): Fault => ({
  kind: 'status',
  status,
  body: { error: { message, ...more } }
})

suite('a server that refuses', () => {
  test('a request that it does not understand', async (t) => {
    await fails(t, refusal(400, 'messages: too many'), 'VALIDATION_FAILED', /too many/)
    await fails(t, refusal(422, 'field required'), 'VALIDATION_FAILED', /field required/)
    const flat: Fault = { kind: 'status', status: 400, body: { object: 'error', message: 'older' } }
    await fails(t, flat, 'VALIDATION_FAILED', /older/)
    const param = refusal(400, 'min_p is not supported', { param: 'min_p' })
    const error = await fails(t, param, 'UNSUPPORTED_PARAMETER', /min_p/)
    assert.deepEqual(error.details, { param: 'min_p' })
  })

  test('a prompt that is too long, in the words of each', async (t) => {
    const words: [Fault, object][] = [
      [
        refusal(
          400,
          "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4900 in the messages, 100 in the completion)."
        ),
        { promptTokens: 4900, contextTokens: 4096 }
      ],
      [
        refusal(
          400,
          "The input (5000 tokens) is longer than the model's context length (4096 tokens)."
        ),
        { promptTokens: 5000, contextTokens: 4096 }
      ],
      [
        refusal(400, 'the request exceeds the available context size. try increasing it', {
          type: 'exceed_context_size_error',
          n_prompt_tokens: 9412,
          n_ctx: 8192
        }),
        { promptTokens: 9412, contextTokens: 8192 }
      ],
      [refusal(400, 'too big', { code: 'context_length_exceeded' }), {}],
      [refusal(413, 'entity too large'), {}]
    ]
    for (const [fault, details] of words) {
      const error = await fails(t, fault, 'CONTEXT_TOO_LONG', /./)
      assert.deepEqual(error.details, details)
    }
  })

  test('for now, and when to come back', async (t) => {
    const busy: Fault = { kind: 'status', status: 429, headers: { 'retry-after': '7' } }
    assert.equal((await fails(t, busy, 'WORKER_OVERLOADED', /no more now/)).retryAfterMs, 7000)
    const loading = refusal(503, 'Loading model', { type: 'unavailable_error' })
    assert.equal((await fails(t, loading, 'WORKER_OVERLOADED', /Loading/)).retryAfterMs, 1000)
  })

  test('by an error of its own', async (t) => {
    await fails(t, refusal(500, 'CUDA error'), 'ENGINE_FAILED', /CUDA error/)
    await fails(t, { kind: 'status', status: 502, body: 'Bad Gateway' }, 'ENGINE_FAILED', /Gateway/)
    await fails(t, { kind: 'status', status: 302 }, 'ENGINE_FAILED', /./)
  })

  test('us, or the model: it is lost, and the reason is told', async (t) => {
    await fails(t, refusal(401, 'no'), 'ENGINE_FAILED', /wants an API key/)
    await fails(t, refusal(404, 'The model `tiny` does not exist.'), 'MODEL_NOT_FOUND', /tiny/)
  })
})

test('a server whose answers have no end three times in a row is lost', async (t) => {
  const upstream = await startUpstream(t, 'vLLM')
  const engine = await engineOn(t, upstream)
  for (let i = 0; i < 3; i++) {
    upstream.faults.push({ kind: 'endsEarly', afterTokens: 1, done: true })
    await failure(engine)
  }
  assert.match((await engine.lost!).message, /no end/)
})

suite('a resumed answer', () => {
  const resume = { resumeText: 'one two', resumeTokens: 2, resumeTokenIds: [] }

  test('that the server cannot go on with is for another worker, not for the caller', async (t) => {
    const upstream = await startUpstream(t, 'llama-server')
    const engine = await engineOn(t, upstream)
    const words = 'Assistant response prefill is incompatible with enable_thinking.'
    upstream.faults.push(refusal(400, words))
    await assert.rejects(answer(engine, { ...request, ...resume }), (error: HaifError) => {
      assert.equal(error.code, 'ENGINE_FAILED')
      assert.match(error.message, /prefill/)
      return error.retryable
    })
  })

  test('is resumed where the next one broke off as well', async (t) => {
    const upstream = await startUpstream(t, 'vLLM')
    const broken = await engineOn(t, upstream)
    let sent = ''
    let tokens = 0
    const goOn = async (engine: Engine) => {
      const resumed = { resumeText: sent, resumeTokens: tokens, resumeTokenIds: [] }
      const stream = engine.generate({ ...request, ...resumed }, new AbortController().signal)
      for await (const item of stream) {
        sent += item.text
        tokens += item.tokens ?? 0
      }
    }
    for (const afterTokens of [3, 4, 1]) {
      upstream.faults.push({ kind: 'dies', afterTokens })
      await assert.rejects(goOn(broken), { code: 'ENGINE_FAILED' })
    }
    await broken.lost // after three failures in a row
    await assert.rejects(goOn(broken), { code: 'ENGINE_FAILED' })
    await goOn(await engineOn(t, upstream))
    assert.deepEqual([sent, tokens], [whole, 12])
  })
})
