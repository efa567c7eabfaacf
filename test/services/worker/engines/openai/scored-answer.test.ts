/** Prompts whose logprobs a server tells: what it is asked, and what is taken from its reply. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GenerateRequest } from '../../../../../services/worker/engines/engine.ts'
import { engineOn, startUpstream } from '../../../../helpers/upstreams/start.ts'

const never = new AbortController().signal
const request: GenerateRequest = {
  input: { mode: 'direct', prompt: 'Hi you' },
  maxTokens: 1,
  sampling: { temperature: 0 },
  logprobs: true,
  topLogprobs: 2,
  promptLogprobs: true
}
/** As vLLM's. */
const reply = {
  object: 'text_completion',
  choices: [
    {
      index: 0,
      text: 'Hi you there',
      finish_reason: 'length',
      logprobs: {
        tokens: ['<s>', 'Hi', ' you', ' there'],
        token_logprobs: [null, -2.5, -0.25, -0.125],
        top_logprobs: [null, { Hi: -2.5, A: -1 }, { ' you': -0.25 }, { ' there': -0.125 }],
        text_offset: [0, 0, 2, 6]
      }
    }
  ],
  usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 }
}

test('the prompt is told first, then the answer', async (t) => {
  const upstream = await startUpstream(t, 'vLLM')
  const engine = await engineOn(t, upstream)
  upstream.faults.push({ kind: 'status', status: 200, body: reply })
  const answer = engine.generate(request, never)
  assert.deepEqual((await answer.next()).value, {
    tokenIds: [],
    text: '',
    prompt: [
      { token: '<s>', logprob: null, top: [], text: '' },
      {
        token: 'Hi',
        logprob: -2.5,
        top: [
          { token: 'A', logprob: -1 },
          { token: 'Hi', logprob: -2.5 }
        ]
      },
      { token: ' you', logprob: -0.25, top: [{ token: ' you', logprob: -0.25 }] }
    ]
  })
  const top = [{ token: ' there', logprob: -0.125 }]
  const logprobs = [{ token: ' there', logprob: -0.125, top }]
  assert.deepEqual((await answer.next()).value, {
    tokenIds: [],
    tokens: 1,
    text: ' there',
    logprobs
  })
  const end = await answer.next()
  assert.equal(end.done, true)
  assert.deepEqual(end.value.usage, {
    promptTokens: 3,
    cachedPromptTokens: 0,
    completionTokens: 1
  })
  const { body, path } = upstream.requests.at(-1)!
  const { echo, logprobs: asked, max_tokens: most, prompt, stream = false } = body
  assert.equal(path, '/v1/completions')
  assert.deepEqual([echo, asked, most, prompt, stream], [true, 2, 1, 'Hi you', false])
})

test('where no answer is wanted, what the server drew all the same is left out', async (t) => {
  const upstream = await startUpstream(t, 'vLLM')
  const engine = await engineOn(t, upstream)
  upstream.faults.push({ kind: 'status', status: 200, body: reply })
  const items = await Array.fromAsync(engine.generate({ ...request, maxTokens: 0 }, never))
  assert.deepEqual(
    items.map(({ text, prompt }) => [text, prompt?.length]),
    [['', 3]]
  )
})

test('a server that tells nothing of the prompt is no server for it', async (t) => {
  const upstream = await startUpstream(t, 'vLLM')
  const engine = await engineOn(t, upstream)
  const [choice] = reply.choices
  const told = { ...choice!.logprobs, token_logprobs: [-1, -2.5, -0.25, -0.125] }
  for (const logprobs of [null, told]) {
    const body = { ...reply, choices: [{ ...choice, logprobs }] }
    upstream.faults.push({ kind: 'status', status: 200, body })
    await assert.rejects(engine.generate(request, never).next(), {
      code: 'UNSUPPORTED_PARAMETER',
      details: { param: 'promptLogprobs' }
    })
  }
  const other = await engineOn(t, await startUpstream(t, 'llama-server'))
  assert.ok(!other.parameters.has('promptLogprobs'))
})
