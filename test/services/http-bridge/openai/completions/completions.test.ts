/** What clients of `/v1/completions` expect. What is refused is in docs/openai.md. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CompletionReply } from '#shared/contracts/http/completions.ts'
import { fitting, startChecklist } from '../checklist.ts'

const path = '/v1/completions'
const { good, refused, stream } = await startChecklist({ llama: true })

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
  await refused(path, { ...asked, echo: true, logprobs: 1 }, 'echo')
  await refused(path, { ...asked, echo: true, prompt: [1] }, 'echo')
})
