/** Vectors of texts, from the process that also writes answers. */
import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import { answer, chat, startEngine, type RunningEngine } from './engines.ts'

const { engine, pid }: RunningEngine = await startEngine({ after })
const never = new AbortController().signal

const dot = (a: Float32Array, b: Float32Array) =>
  a.reduce((sum, value, i) => sum + value * b[i]!, 0)

suite('embeddings', () => {
  test('are of length 1, the same each time, and in order', async () => {
    const texts = ['a fox in the snow', 'list the months', 'a fox in the snow', 'x']
    const { vectors, promptTokens } = await engine.embed(texts, never)
    assert.equal(vectors.length, 4)
    assert.ok(promptTokens >= 4)
    for (const vector of vectors) {
      assert.equal(vector.length, vectors[0]!.length)
      assert.ok(Math.abs(dot(vector, vector) - 1) < 1e-5)
    }
    assert.deepEqual(vectors[2], vectors[0])
    assert.ok(dot(vectors[0]!, vectors[1]!) < 0.9999)
    const [alone] = (await engine.embed([texts[1]!], never)).vectors
    assert.ok(dot(alone!, vectors[1]!) > 0.9999)
  })

  test('do not disturb answers, nor are they disturbed', async () => {
    const request = chat('Tell me a story about a fox.')
    const expected = await answer(engine, request)
    const inputs = Array.from({ length: 40 }, (_, i) => `text number ${i}`)
    const before = await engine.embed(inputs, never)
    const [embedded, ...answers] = await Promise.all([
      engine.embed(inputs, never),
      answer(engine, request),
      answer(engine, request)
    ])
    assert.deepEqual(embedded.vectors, before.vectors)
    for (const each of answers) assert.equal(each.text, expected.text)
    assert.ok(
      answers.some((each) => each.usage.cachedPromptTokens > 0),
      'slots keep their caches'
    )
  })

  test('an input that is empty, unknown or too long is named', async () => {
    await assert.rejects(engine.embed(['a', ''], never), /input 1 is empty/)
    await assert.rejects(engine.embed([[1, 9_000_000]], never), { code: 'VALIDATION_FAILED' })
    await assert.rejects(engine.embed(['ab '.repeat(3000)], never), { code: 'CONTEXT_TOO_LONG' })
    assert.equal((await engine.embed([[1, 2, 3]], never)).promptTokens, 3)
  })

  test('a call that is cancelled ends at once, and the next one is served', async () => {
    const controller = new AbortController()
    const inputs = Array.from({ length: 200 }, (_, i) => `text ${i} `.repeat(10))
    const running = engine.embed(inputs, controller.signal)
    controller.abort(new Error('changed my mind'))
    await assert.rejects(running, /changed my mind/)
    await engine.embed(['next'], never)
  })

  test('a process that dies fails them, and comes back', async () => {
    const inputs = Array.from({ length: 200 }, (_, i) => `text ${i} `.repeat(10))
    process.kill(pid(), 'SIGSTOP')
    const running = engine.embed(inputs, never)
    process.kill(pid(), 'SIGKILL')
    await assert.rejects(running, { code: 'ENGINE_FAILED' })
    await answer(engine, chat('Who are you?')) // waits for the restart
    assert.equal((await engine.embed(['again'], never)).vectors.length, 1)
  })
})
