/** What is asked of single tokens: a bias, or how likely they were. */
import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import type { TokenLogprob } from '#shared/contracts/inference/answer.ts'
import type { GenerateRequest } from '../../../../../services/worker/engines/engine.ts'
import { answer, chat, direct, randomModel, startEngine } from './engines.ts'

const { engine: builtin } = await startEngine({ after })
const { engine: library } = await startEngine({ after }, { driver: 'library' })
const noisy = await randomModel({ after }, { shape: { contextLength: 4096 } })
const { engine: noise } = await startEngine({ after }, { modelPath: noisy, slots: 2 })

const never = new AbortController().signal

async function logprobsOf(engine: typeof builtin, request: GenerateRequest) {
  const tokenIds: number[] = []
  const logprobs: TokenLogprob[] = []
  for await (const item of engine.generate(request, never)) {
    assert.equal(item.logprobs?.length, item.tokenIds.length)
    tokenIds.push(...item.tokenIds)
    logprobs.push(...(item.logprobs ?? []))
  }
  return { tokenIds, logprobs }
}

test('by either driver the built-in model answers what it was trained to', async () => {
  for (const engine of [builtin, library]) {
    const { text } = await answer(engine, chat('Who are you?'))
    assert.match(text, /^I am the tiny built-in model of HAIF, with about one million parameters\./)
  }
})

suite('logit bias', () => {
  test('bans a token, or forces one', async () => {
    const request = direct('hello', { maxTokens: 12 })
    const { tokenIds } = await answer(noise, request)
    const banned = tokenIds[0]!
    const without = { temperature: 0, logitBias: { [banned]: -100 } }
    const other = await answer(noise, { ...request, sampling: without })
    assert.ok(!other.tokenIds.includes(banned))
    const wanted = other.tokenIds[0]!
    const only = { temperature: 1.5, seed: 1, logitBias: { [wanted]: 100 } }
    const forced = await answer(noise, { ...request, sampling: only })
    assert.deepEqual(new Set(forced.tokenIds), new Set([wanted]))
    assert.deepEqual((await answer(noise, request)).tokenIds, tokenIds, 'and only in that request')
  })

  test('of a token that is none is refused', async () => {
    await assert.rejects(answer(builtin, chat('hi', biased(9_000_000, 1))), {
      code: 'VALIDATION_FAILED'
    })
  })

  test('of a token that ends answers lets them go on', async () => {
    const { tokenIds, finishReason } = await answer(builtin, chat('Who are you?'))
    assert.equal(finishReason, 'stop')
    const end = tokenIds.at(-1)!
    const longer = await answer(builtin, chat('Who are you?', biased(end, -100)))
    assert.deepEqual(longer.tokenIds.slice(0, tokenIds.length - 1), tokenIds.slice(0, -1))
    assert.ok(!longer.tokenIds.includes(end))
    await assert.rejects(answer(library, chat('hi', biased(end, 1))), {
      code: 'UNSUPPORTED_PARAMETER'
    })
  })
})

const biased = (id: number, bias: number): Partial<GenerateRequest> => ({
  sampling: { temperature: 0, logitBias: { [id]: bias } }
})

const DISTORTED: Partial<GenerateRequest>[] = [
  { sampling: {} },
  { sampling: { temperature: 0.1 } },
  { sampling: { temperature: 0, frequencyPenalty: 1 } },
  { sampling: { temperature: 0, logitBias: { 5: 1 } } },
  { responseFormat: { type: 'json' } }
]

suite('logprobs', () => {
  const request = chat('Tell me a story about a fox.', { logprobs: true, topLogprobs: 5 })

  test('are the logarithms of a distribution whose likeliest token was taken', async () => {
    const plain = await answer(builtin, chat('Tell me a story about a fox.'))
    const { tokenIds, logprobs } = await logprobsOf(builtin, request)
    assert.deepEqual(tokenIds, plain.tokenIds)
    for (const [i, { tokenId, logprob, top }] of logprobs.entries()) {
      assert.equal(tokenId, tokenIds[i])
      assert.equal(top.length, 5)
      assert.equal(logprob, top[0]!.logprob)
      for (let at = 1; at < 5; at++) assert.ok(top[at]!.logprob <= top[at - 1]!.logprob)
      const mass = top.reduce((sum, each) => sum + Math.exp(each.logprob), 0)
      assert.ok(mass > 0 && mass <= 1.0001, String(mass))
    }
    // An end token, if there is one, has no text in the answer.
    assert.ok(
      logprobs
        .map(({ token }) => token)
        .join('')
        .startsWith(plain.text)
    )
  })

  test('are what a bias has to overcome', async () => {
    const first = direct('hello', { maxTokens: 1 })
    const { logprobs } = await logprobsOf(noise, { ...first, logprobs: true, topLogprobs: 2 })
    const [best, second] = logprobs[0]!.top
    const gap = best!.logprob - second!.logprob
    const takes = async (bias: number) => {
      const sampling = { temperature: 0, logitBias: { [second!.tokenId!]: bias } }
      return (await answer(noise, { ...first, sampling })).tokenIds[0]
    }
    assert.equal(await takes(gap * 0.99), best!.tokenId)
    assert.equal(await takes(gap * 1.01), second!.tokenId)
  })

  test('are those of the model, whatever the answer is drawn by', async () => {
    const [first] = (await logprobsOf(builtin, request)).logprobs
    for (const more of DISTORTED) {
      const [same] = (await logprobsOf(builtin, { ...request, ...more })).logprobs
      assert.deepEqual(same!.top, first!.top)
      const listed = same!.top.find(({ tokenId }) => tokenId === same!.tokenId)
      if (listed !== undefined) assert.equal(same!.logprob, listed.logprob)
      await assert.rejects(answer(library, { ...request, ...more }), {
        code: 'UNSUPPORTED_PARAMETER'
      })
    }
  })

  test('of likely tokens need logprobs', async () => {
    await assert.rejects(answer(builtin, chat('hi', { topLogprobs: 2 })), {
      code: 'VALIDATION_FAILED'
    })
  })
})
