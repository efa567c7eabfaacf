/** What the engine answers, on real models in real processes. */
import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import type { GenerateRequest } from '../../../../../services/worker/engines/engine.ts'
import { xorshift } from '../../../../../tools/haif-tiny/gguf/xorshift.ts'
import { HaifError, type ErrorCode } from '../../../../../shared/errors.ts'
import { until } from '../../../../helpers/until.ts'
import { answer, chat, direct, randomModel, startEngine, type Answer } from './engines.ts'

const { engine: builtin } = await startEngine({ after })
const noisy = await randomModel({ after }, { shape: { contextLength: 4096 } })
const { engine: noise } = await startEngine({ after }, { modelPath: noisy, slots: 2 })
const { engine: narrow } = await startEngine(
  { after },
  { modelPath: noisy, slots: 1, waitingMax: 1, contextTokens: 600 }
)

const QUESTIONS = [
  ...Array.from({ length: 32 }, (_, i) => `What is ${(i * 37) % 100} + ${(i * 53) % 100}?`),
  'What is HAIF?',
  'Tell me a story about a fox.',
  'List the months.',
  'Who are you?'
]

const never = new AbortController().signal

function fails(code: ErrorCode, message: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof HaifError)
    assert.equal(error.code, code)
    assert.match(error.message, message)
    return true
  }
}

suite('batches', () => {
  test('what the slots hold is told, and what of it belongs to a request that runs', async () => {
    const engine = noise // nobody has asked it anything yet
    const cache = () => engine.metrics().kvCache!
    assert.deepEqual(cache(), { runningTokens: 0, keptTokens: 0, tokensMax: 2 * 4096 })
    const { usage } = await answer(engine, direct('hello', { maxTokens: 20 }))
    await until(() => cache().keptTokens > 0)
    // The last token is drawn and not computed.
    const computed = usage.promptTokens + usage.completionTokens - 1
    assert.deepEqual([cache().runningTokens, cache().keptTokens], [0, computed])

    // Its reader takes one item and no more, so it stays in its slot.
    const open = engine.generate(direct('hello', { maxTokens: 400 }), never)
    await open.next()
    await until(() => cache().runningTokens > computed)
    assert.ok(cache().runningTokens + cache().keptTokens <= cache().tokensMax)
    await open.return({} as never)
    await until(() => cache().runningTokens === 0 && cache().keptTokens > computed)
  })

  test('greedy answers are the same alone and in batches with joins and leaves', async (t) => {
    const expected: Answer[] = []
    for (const question of QUESTIONS) expected.push(await answer(builtin, chat(question)))
    const texts = expected.map(({ text }) => text)
    assert.ok(new Set(texts).size > 16, 'the model says different things')

    const few = await startEngine(t, { slots: 3 })
    for (const engine of [few.engine, builtin]) {
      const random = xorshift(engine.metrics().slots)
      const leaver = async (question: string) => {
        let left = Math.floor(random() * 10)
        for await (const _ of engine.generate(chat(question), never)) if (left-- === 0) break
      }
      const joiner = async (question: string) => {
        for (let ticks = random() * 20; ticks > 0; ticks--) await new Promise(setImmediate)
        if (random() < 0.5) await leaver(question)
        return (await answer(engine, chat(question))).text
      }
      assert.deepEqual(await Promise.all(QUESTIONS.map(joiner)), texts)
      await until(() => engine.metrics().running === 0)
    }
  })

  test('a prompt that was read before is found in its slot', async () => {
    const fox = chat('Tell me a story about a fox. '.repeat(4), { cacheScope: 'fox' })
    const first = await answer(builtin, fox)
    assert.equal(first.usage.cachedPromptTokens, 0)
    await answer(builtin, chat('Who are you?'))
    const again = await answer(builtin, fox)
    assert.equal(again.usage.cachedPromptTokens, first.usage.promptTokens - 1)
    assert.equal(again.text, first.text)
  })

  test('more than slots and queue hold is refused', async () => {
    const engine = narrow
    const running = answer(engine, direct('hello', { maxTokens: 40 }))
    const waiting = answer(engine, direct('ab', { maxTokens: 3 }))
    assert.deepEqual([engine.metrics().running, engine.metrics().waiting], [1, 1])
    await assert.rejects(
      answer(engine, direct('hello')),
      (error: unknown) =>
        error instanceof HaifError &&
        error.code === 'WORKER_OVERLOADED' &&
        (error.retryAfterMs ?? 0) > 0
    )
    await Promise.all([running, waiting])
    assert.ok(engine.metrics().decodeTokensPerSecond > 0)
    assert.ok(engine.metrics().prefillTokensPerSecond > 0)
  })
})

const resumedEverywhere = async (
  engine: Parameters<typeof answer>[0],
  request: GenerateRequest,
  every: number
) => {
  const pieces: { ids: number[]; text: string }[] = []
  const stream = engine.generate(request, never)
  let item = await stream.next()
  for (; !item.done; item = await stream.next()) {
    pieces.push({ ids: item.value.tokenIds, text: item.value.text })
  }
  const whole = pieces.map(({ text }) => text).join('')
  for (let cut = 0; cut <= pieces.length; cut += every) {
    const sent = pieces.slice(0, cut)
    const rest = await answer(engine, {
      ...request,
      resumeTokenIds: sent.flatMap(({ ids }) => ids)
    })
    assert.equal(sent.map(({ text }) => text).join('') + rest.text, whole, `cut at ${cut}`)
    assert.equal(rest.finishReason, item.value.finishReason)
    assert.equal(rest.usage.completionTokens, item.value.usage.completionTokens)
    assert.equal(rest.usage.promptTokens, item.value.usage.promptTokens)
  }
  return whole
}

suite('resume', () => {
  test('an answer goes on after any of its tokens', async () => {
    const story = await resumedEverywhere(builtin, chat('Tell me a story about a fox.'), 3)
    // The same with a stop text in the middle, cut from the story so that it is met for certain.
    const stop = story.slice(story.length / 2, story.length / 2 + 6)
    const stopped = { ...chat('Tell me a story about a fox.'), stop: [stop] }
    assert.equal(await resumedEverywhere(builtin, stopped, 2), story.split(stop)[0])
  })

  test('also in the middle of characters that are never finished', async () => {
    const text = await resumedEverywhere(noise, direct('hello', { maxTokens: 60 }), 2)
    assert.match(text, /\uFFFD/)
  })

  test('a token that the model does not have is refused', async () => {
    await assert.rejects(
      answer(builtin, chat('Who are you?', { resumeTokenIds: [4_000_000] })),
      fails('VALIDATION_FAILED', /no token 4000000/)
    )
    await answer(builtin, chat('Who are you?'))
  })
})

suite('how an answer ends', () => {
  test('by a stop text that lies over several tokens, and is not shown', async () => {
    const story = await answer(builtin, chat('Tell me a story about a fox.'))
    const at = Math.floor(story.text.length / 3)
    const stop = story.text.slice(at, at + 12)
    const stopped = await answer(
      builtin,
      chat('Tell me a story about a fox.', { stop: ['@@', stop] })
    )
    assert.equal(stopped.text, story.text.slice(0, story.text.indexOf(stop)))
    assert.equal(stopped.finishReason, 'stop')
    assert.ok(stopped.usage.completionTokens < story.usage.completionTokens)
    assert.equal(stopped.usage.completionTokens, stopped.tokenIds.length)
  })

  test('by maxTokens, when the context is full, or never if the prompt fills it', async () => {
    const engine = narrow
    const short = await answer(engine, direct('hello', { maxTokens: 7 }))
    assert.deepEqual([short.finishReason, short.tokenIds.length], ['length', 7])
    const full = await answer(engine, direct('hello', { maxTokens: 5000 }))
    assert.equal(full.finishReason, 'length')
    assert.equal(full.usage.promptTokens + full.usage.completionTokens, 600)
    await assert.rejects(
      answer(engine, direct('ab '.repeat(2000))),
      fails('CONTEXT_TOO_LONG', /prompt has more than \d{4,} tokens.* context 600/)
    )
    await answer(engine, direct('hello', { maxTokens: 7 }))
  })
})

const aborts = async (engine: Parameters<typeof answer>[0], afterItems: number) => {
  const controller = new AbortController()
  const stream = engine.generate(direct('ab '.repeat(180), { maxTokens: 3000 }), controller.signal)
  const waiting = answer(engine, direct('hello', { maxTokens: 3 }))
  for (let taken = 0; taken < afterItems; taken++) await stream.next()
  const next = stream.next()
  controller.abort(new Error('changed my mind'))
  await assert.rejects(next, /changed my mind/)
  await waiting // it had to wait for the slot
  assert.equal(engine.metrics().running, 0)
}

suite('abort', () => {
  test('frees the slot, be it in the prompt, in the answer or in the queue', async () => {
    const engine = narrow
    await aborts(engine, 0)
    await aborts(engine, 2)

    const controller = new AbortController()
    const running = answer(engine, direct('hello', { maxTokens: 50 }))
    const queued = answer(engine, direct('hello'), controller.signal)
    controller.abort()
    await assert.rejects(queued, { name: 'AbortError' })
    assert.equal((await running).tokenIds.length, 50)
    await assert.rejects(answer(engine, direct('hello'), AbortSignal.abort()), {
      name: 'AbortError'
    })
  })

  test('a reader that stops holds up its own answer, within bounds, and nobody else', async () => {
    const request = direct('hello', { maxTokens: 400 })
    const expected = await answer(noise, request)
    assert.equal(expected.tokenIds.length, 400)

    const slow = noise.generate(request, never)
    const first = await slow.next()
    assert.ok(!first.done)
    // They move in step, so without a bound the slow answer would be as far as this one.
    assert.deepEqual((await answer(noise, request)).tokenIds, expected.tokenIds)
    const second = await slow.next()
    assert.ok(!second.done)
    assert.ok(first.value.tokenIds.length + second.value.tokenIds.length <= 256)

    const tokenIds = [...first.value.tokenIds, ...second.value.tokenIds]
    for await (const item of slow) tokenIds.push(...item.tokenIds)
    assert.deepEqual(tokenIds, expected.tokenIds)
  })
})

const sampled = (sampling: GenerateRequest['sampling']) => {
  return direct('hello', { maxTokens: 24, sampling })
}

/** Tokens that are not repeated, of all. */
const different = async (sampling: GenerateRequest['sampling']) => {
  const request = direct('hello', { maxTokens: 100, sampling: { temperature: 0, ...sampling } })
  const { tokenIds } = await answer(noise, request)
  return new Set(tokenIds).size / tokenIds.length
}

suite('sampling', () => {
  test('a seed gives the same answer, alone or among others; no seed gives others', async () => {
    const hot = { temperature: 1.5, topP: 1, topK: 0, minP: 0 }
    const seeded = sampled({ ...hot, seed: 7 })
    const text = (await answer(noise, seeded)).text
    const others = Array.from({ length: 5 }, () => answer(noise, sampled(hot)))
    assert.equal((await answer(noise, seeded)).text, text)
    const texts = (await Promise.all(others)).map((other) => other.text)
    assert.equal(new Set([...texts, text]).size, 6)

    // The number that means "random" to llama.cpp is a seed like any other.
    const highest = sampled({ ...hot, seed: 4_294_967_295 })
    assert.equal((await answer(noise, highest)).text, (await answer(noise, highest)).text)
  })

  test('top-k, top-p, min-p and temperature narrow the choice down to the greedy one', async () => {
    const greedy = (await answer(noise, sampled({ temperature: 0 }))).text
    const open = { temperature: 2, topP: 1, topK: 0, minP: 0, seed: 3 }
    assert.notEqual((await answer(noise, sampled(open))).text, greedy)
    for (const narrow of [{ topK: 1 }, { topP: 0 }, { minP: 1 }, { temperature: 0 }]) {
      assert.equal((await answer(noise, sampled({ ...open, ...narrow }))).text, greedy)
    }
  })

  test('penalties keep the answer from repeating itself', async () => {
    const plain = await different({})
    assert.ok((await different({ repeatPenalty: 1.5 })) > plain)
    assert.ok((await different({ frequencyPenalty: 2 })) > plain)
    assert.ok((await different({ presencePenalty: 2 })) > plain)
  })
})
