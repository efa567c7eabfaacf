/** What clients of `/v1/completions` expect. What is refused is in docs/openai.md. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CompletionReply } from '#shared/contracts/http/completions.ts'
import { discoverUpstream } from '../../../../../services/worker/models/sources/upstream-source.ts'
import { fitting, startChecklist } from '../checklist.ts'

const path = '/v1/completions'
const { good, refused, stream, v1 } = await startChecklist({ llama: true })

test('completions: prompt as string, list, token ids; stream', async () => {
  const asked = { model: 'haif-tiny', max_tokens: 3, temperature: 0 }
  for (const [prompt, count] of [
    ['a', 1],
    [['a', 'b'], 2],
    [[1, 2], 1],
    [[[1, 2], [3]], 2]
  ] as const) {
    const reply = await good(path, CompletionReply, { ...asked, prompt })
    assert.equal(reply.choices.length, count)
  }
  const { choices } = await good(path, CompletionReply, { ...asked, prompt: 'a' })
  const { events } = await stream(path, { ...asked, prompt: 'a' })
  assert.equal(events.pop()?.data, '[DONE]')
  const texts = events.map(
    ({ data }) => fitting(CompletionReply, JSON.parse(data)).choices[0]!.text
  )
  assert.equal(texts.join(''), choices[0]!.text)
})

test('completions: echo and logprobs; suffix and best_of are refused', async () => {
  const asked = { model: 'haif-tiny', prompt: 'HAIF', max_tokens: 3, temperature: 0 }
  const { choices } = await good(path, CompletionReply, { ...asked, logprobs: 2 })
  const { tokens, text_offset: offsets } = choices[0]!.logprobs!
  assert.deepEqual([tokens.length, offsets[0], offsets[1]], [3, 0, tokens[0]!.length])
  const echoed = await good(path, CompletionReply, { ...asked, echo: true })
  assert.ok(echoed.choices[0]!.text.startsWith('HAIF'))
  await refused(path, { ...asked, suffix: 'x' }, 'suffix')
  await refused(path, { ...asked, best_of: 2 }, 'best_of')
})

/** As `local-completions` of lm-evaluation-harness asks, and reads what comes. */
test('completions: a harness scores continuations by echo and logprobs', async () => {
  const text = 'HAIF turns the machines'
  const common = { model: 'haif-tiny', temperature: 0, logprobs: 1, seed: 1234, echo: true }
  const { choices } = await good(path, CompletionReply, { ...common, prompt: text, max_tokens: 0 })
  const [alone] = choices
  assert.deepEqual([alone!.text, alone!.finish_reason], [text, 'length'])
  const { tokens, token_logprobs: logprobs, top_logprobs: tops, text_offset: at } = alone!.logprobs!
  assert.deepEqual([logprobs[0], tops[0], at[0]], [null, null, 0])
  assert.equal(at.at(-1)! + tokens.at(-1)!.length, text.length)

  const tokenized = (await good(path, CompletionReply, { ...common, prompt: [text, text] })).choices
  assert.equal(tokenized.length, 2, 'a batch')
  const ids = [
    [5, 6, 7, 8, 9, 10],
    [20, 21]
  ]
  const batch = { ...common, prompt: ids, max_tokens: 1 }
  const byIds = (await good(path, CompletionReply, batch)).choices
  for (const [index, choice] of byIds.entries()) {
    const told = choice.logprobs!
    const context = 1
    const continuation = told.token_logprobs.slice(context, -1)
    assert.equal(continuation.length, ids[index]!.length - context)
    for (const [i, logprob] of continuation.entries()) {
      const likeliest = Math.max(...Object.values(told.top_logprobs[context + i]!))
      assert.ok(logprob !== null && logprob <= likeliest && likeliest <= 0)
    }
    assert.equal(choice.text.slice(0, told.text_offset.at(-1)), told.tokens.slice(0, -1).join(''))
  }
})

test('completions: streamed, a prompt comes before the answer; ids are echoed as text', async () => {
  const asked = {
    model: 'haif-tiny',
    prompt: 'HAIF turns',
    max_tokens: 3,
    temperature: 0,
    echo: true
  }
  const whole = (await good(path, CompletionReply, { ...asked, logprobs: 2 })).choices[0]!
  const { events } = await stream(path, { ...asked, logprobs: 2 })
  const chunks = events
    .slice(0, -1)
    .map(({ data }) => fitting(CompletionReply, JSON.parse(data)).choices[0]!)
  assert.equal(chunks.map(({ text }) => text).join(''), whole.text)
  const logprobs = chunks.flatMap((chunk) => chunk.logprobs?.token_logprobs ?? [])
  assert.equal(logprobs.length, whole.logprobs!.token_logprobs.length)
  assert.deepEqual(
    chunks.flatMap((chunk) => chunk.logprobs?.text_offset ?? []),
    whole.logprobs!.text_offset
  )
  const reply = await good(path, CompletionReply, { ...asked, prompt: [40, 41], max_tokens: 1 })
  assert.ok(reply.choices[0]!.text.length > 2)
  assert.equal(reply.choices[0]!.logprobs, null)
})

test('completions: another HAIF in front of this one tells the same of a prompt', async (t) => {
  const prompt = 'HAIF turns the machines'
  const sources = await discoverUpstream(v1, {})
  const engine = await sources.find(({ name }) => name === 'haif-tiny')!.open(() => {})
  t.after(() => engine.close())
  await engine.load()
  const common = { sampling: { temperature: 0 }, logprobs: true, topLogprobs: 1 }
  const request = { ...common, input: { mode: 'direct', prompt } as const, promptLogprobs: true }
  const answer = engine.generate({ ...request, maxTokens: 2 }, AbortSignal.timeout(60_000))
  const items = await Array.fromAsync(answer)
  const told = items.flatMap((item) => [...(item.prompt ?? []), ...(item.logprobs ?? [])])
  const asked = {
    model: 'haif-tiny',
    prompt,
    max_tokens: 2,
    temperature: 0,
    echo: true,
    logprobs: 1
  }
  const direct = (await good(path, CompletionReply, asked)).choices[0]!.logprobs!
  assert.deepEqual(
    told.map(({ token, logprob }) => [token, logprob]),
    direct.tokens.map((token, i) => [token, direct.token_logprobs[i]])
  )
})
