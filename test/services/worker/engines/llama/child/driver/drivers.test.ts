/** Both drivers, llama.cpp called directly and node-llama-cpp, on the same files. */
import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import type { GenerateRequest } from '../../../../../../../services/worker/engines/engine.ts'
import { answer, direct, randomModel, startEngine } from '../../engines.ts'

const notes: string[] = []
const onNote = (note: string) => notes.push(note)
const noisy = await randomModel({ after }, { shape: { contextLength: 1024 } })
const options = { modelPath: noisy, slots: 4, onNote }
const native = await startEngine({ after }, options)
const library = await startEngine({ after }, { ...options, driver: 'library' })
const never = new AbortController().signal

const REQUESTS: Record<string, GenerateRequest> = {
  greedy: direct('hello', { maxTokens: 80 }),
  seeded: direct('hello', { maxTokens: 40, sampling: { temperature: 0.9, seed: 5 } }),
  penalised: direct('hello', {
    maxTokens: 40,
    sampling: { temperature: 0, repeatPenalty: 1.3, frequencyPenalty: 0.2 }
  }),
  biased: direct('hello', { maxTokens: 20, sampling: { temperature: 0, logitBias: { 100: 8 } } })
}

test('only the one that node-llama-cpp computes for is told to be slower', () => {
  assert.equal(notes.length, 1)
  assert.match(notes[0]!, /^test: computed through node-llama-cpp, .*it was asked for$/)
})

suite('both draw the same', () => {
  for (const [name, request] of Object.entries(REQUESTS)) {
    test(`${name} answer`, async () => {
      const expected = await answer(library.engine, request)
      assert.deepEqual((await answer(native.engine, request)).tokenIds, expected.tokenIds)
    })
  }
})

test('both make the same vectors of texts', async () => {
  const texts = ['good morning', 'the sum of 3 and 4', 'ä ö ü 𝄞 '.repeat(20)]
  const [ours, theirs] = await Promise.all(
    [native, library].map(({ engine }) => engine.embed(texts, never))
  )
  assert.equal(ours!.promptTokens, theirs!.promptTokens)
  for (const [i, vector] of ours!.vectors.entries()) {
    const cosine = vector.reduce((sum, value, at) => sum + value * theirs!.vectors[i]![at]!, 0)
    assert.ok(Math.abs(cosine - 1) < 1e-3, `${texts[i]}: ${cosine}`)
  }
})

test('a greedy answer is the same in any company, and resumed at every tenth token', async () => {
  const { engine } = native
  const prompts = Array.from({ length: 12 }, (_, i) => direct(`story ${i}`, { maxTokens: 60 }))
  const alone: number[][] = []
  for (const prompt of prompts) alone.push((await answer(engine, prompt)).tokenIds)
  const together = await Promise.all(prompts.map((prompt) => answer(engine, prompt)))
  assert.deepEqual(
    together.map(({ tokenIds }) => tokenIds),
    alone
  )
  const [whole] = alone
  for (let at = 10; at < whole!.length; at += 10) {
    const sent = whole!.slice(0, at)
    const rest = await answer(engine, { ...prompts[0]!, resumeTokenIds: sent })
    assert.deepEqual([...sent, ...rest.tokenIds], whole, `after ${at} tokens`)
  }
})
