/** What is asked of single tokens: a bias, or how likely they were. */
import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import type { PromptToken, TokenLogprob } from '#shared/contracts/inference/answer.ts'
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

suite('logprobs of a prompt', () => {
  const scored = { logprobs: true, promptLogprobs: true, topLogprobs: 5 }

  test('are those of each token after those before it, however the prompt is cut', async () => {
    for (const engine of [builtin, noise]) {
      const tokenIds = Array.from({ length: 70 }, (_, i) => 5 + ((i * 37) % 250))
      const { prompt, logprobs } = await scoresOf(
        engine,
        ids(tokenIds, { ...scored, maxTokens: 1 })
      )
      assert.deepEqual(
        prompt.map(({ tokenId }) => tokenId),
        tokenIds
      )
      const [first] = prompt
      assert.deepEqual([first!.logprob, first!.top], [null, []])
      // Pieces end behind 32 and 64 tokens.
      for (const at of [1, 2, 31, 32, 33, 63, 64, 65, 69]) {
        const next = tokenIds[at]!
        const forced = { temperature: 0, logitBias: { [next]: 1000 } }
        const before = ids(tokenIds.slice(0, at), { maxTokens: 1, sampling: forced })
        const [alone] = (await logprobsOf(engine, { ...before, logprobs: true, topLogprobs: 5 }))
          .logprobs
        assert.equal(alone!.tokenId, next)
        near(prompt[at]!.logprob!, alone!.logprob)
        for (const [i, { logprob }] of alone!.top.entries())
          near(prompt[at]!.top[i]!.logprob, logprob)
      }
      const [after] = (await logprobsOf(engine, ids(tokenIds, { maxTokens: 1, logprobs: true })))
        .logprobs
      assert.equal(logprobs[0]!.tokenId, after!.tokenId)
      near(logprobs[0]!.logprob, after!.logprob)
    }
  })

  test('come alone where no answer is wanted, and their texts are the prompt', async () => {
    for (const text of ['HAIF turns machines', 'Ein Gr\u00fc\u00dfe \u{1f98a}\u{1f98a}!', ' a']) {
      const request = direct(text, { ...scored, maxTokens: 0 })
      const { prompt, end, tokenIds } = await scoresOf(builtin, request)
      assert.equal(prompt.map(({ token, text: added = token }) => added).join(''), text)
      assert.deepEqual([tokenIds, end.finishReason], [[], 'length'])
      assert.deepEqual([end.usage.promptTokens, end.usage.completionTokens], [prompt.length, 0])
    }
  })

  test('that were told already are not told again', async () => {
    const request = direct('HAIF turns the machines you own into one', { ...scored, maxTokens: 2 })
    const whole = await scoresOf(builtin, request)
    for (const resumePromptTokens of [1, 3, whole.prompt.length]) {
      const { prompt, tokenIds } = await scoresOf(builtin, { ...request, resumePromptTokens })
      assert.deepEqual(prompt, whole.prompt.slice(resumePromptTokens))
      assert.deepEqual(tokenIds, whole.tokenIds)
    }
  })

  test('of many prompts at once are the same, and a slow reader gets all', async () => {
    const texts = ['What is HAIF? '.repeat(40), 'a b c', 'Once upon a time '.repeat(30)]
    const ask = (text: string) => scoresOf(builtin, direct(text, { ...scored, maxTokens: 1 }))
    const together = await Promise.all(texts.map(ask))
    for (const [i, text] of texts.entries()) {
      const alone = await ask(text)
      assert.equal(together[i]!.prompt.length, alone.prompt.length)
      for (const [at, { logprob }] of alone.prompt.entries()) {
        if (logprob !== null) near(together[i]!.prompt[at]!.logprob!, logprob)
      }
    }
  })

  test('need logprobs, and the engine that sees the logits', async () => {
    const without = direct('hi', { promptLogprobs: true })
    await assert.rejects(answer(builtin, without), { code: 'VALIDATION_FAILED' })
    await assert.rejects(answer(library, direct('hi', scored)), { code: 'UNSUPPORTED_PARAMETER' })
  })
})

const ids = (tokenIds: number[], more: Partial<GenerateRequest>): GenerateRequest => {
  return { ...direct('', more), input: { mode: 'tokens', tokenIds } }
}

/** The kernels of llama.cpp differ with the number of tokens that are computed together. */
const near = (value: number, expected: number): void => {
  assert.ok(Math.abs(value - expected) < 0.01, `${value} is not ${expected}`)
}

async function scoresOf(engine: typeof builtin, request: GenerateRequest) {
  const prompt: PromptToken[] = []
  const tokenIds: number[] = []
  const logprobs: TokenLogprob[] = []
  const stream = engine.generate(request, never)
  for (;;) {
    const { done, value } = await stream.next()
    if (done) return { prompt, tokenIds, logprobs, end: value }
    if (value.prompt !== undefined) assert.equal(tokenIds.length, 0, 'the prompt comes first')
    prompt.push(...(value.prompt ?? []))
    tokenIds.push(...value.tokenIds)
    logprobs.push(...(value.logprobs ?? []))
  }
}
