/** Answers that are JSON, on models that would never write any. */
import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import { Compile } from 'typebox/compile'
import type { GenerateRequest } from '../../../../../services/worker/engines/engine.ts'
import { HaifError, type ErrorCode } from '../../../../../shared/errors.ts'
import { answer, chat, direct, randomModel, startEngine, type Answer } from './engines.ts'

const { engine: builtin } = await startEngine({ after })
const noisy = await randomModel({ after }, { shape: { contextLength: 4096 } })
const { engine: noise } = await startEngine({ after }, { modelPath: noisy, slots: 4 })

const never = new AbortController().signal
const HOT = { temperature: 1.5, topP: 1, topK: 0, minP: 0 }

const SCHEMA = {
  type: 'object',
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 8 },
    kind: { enum: ['cat', 'dog', 7, null] },
    count: { type: 'integer' },
    ok: { type: ['boolean', 'null'] },
    tags: { type: 'array', items: { type: 'string', maxLength: 4 }, minItems: 1, maxItems: 3 },
    next: { anyOf: [{ $ref: '#/$defs/point' }, { type: 'null' }] },
    day: { type: 'string', format: 'date' }
  },
  required: ['name', 'kind', 'count', 'ok', 'tags', 'next', 'day'],
  additionalProperties: false,
  $defs: {
    point: { type: 'object', properties: { x: { type: 'number' } }, required: ['x'] }
  }
}
const fits = Compile(SCHEMA)
const asSchema = (schema: Record<string, unknown>) => {
  return { responseFormat: { type: 'jsonSchema', schema } } as const
}
const asJson = { responseFormat: { type: 'json' } } as const

function fails(code: ErrorCode, message: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof HaifError)
    assert.equal(error.code, code, error.message)
    assert.match(error.message, message)
    return true
  }
}

function assertFits({ text, finishReason }: Answer): void {
  assert.equal(finishReason, 'stop', text)
  assert.ok(fits.Check(JSON.parse(text)), text)
}

suite('JSON schema', () => {
  test('whatever the model would say, the answer fits and ends with the object', async () => {
    const asked = Array.from({ length: 12 }, (_, seed) => {
      const engine = seed % 2 === 0 ? builtin : noise
      const request = direct(`object ${seed}`, { maxTokens: 2000, ...asSchema(SCHEMA) })
      return answer(engine, { ...request, sampling: { ...HOT, seed } })
    })
    for (const answered of await Promise.all(asked)) assertFits(answered)
    assertFits(
      await answer(builtin, chat('Who are you?', { maxTokens: 2000, ...asSchema(SCHEMA) }))
    )
  })

  test('values in all scripts come out byte for byte, whatever the weights', async () => {
    const words = ['日', 'ö', '👍', 'न', 'ਪ', '𐍈', 'ש', '본']
    const schema = { type: 'array', items: { enum: words }, minItems: 24, maxItems: 24 }
    const asked = Array.from({ length: 6 }, (_, seed) => {
      const request = direct('words', { maxTokens: 2000, ...asSchema(schema) })
      return answer(noise, { ...request, sampling: { ...HOT, seed } })
    })
    for (const { text } of await Promise.all(asked)) {
      for (const word of JSON.parse(text)) assert.ok(words.includes(word), text)
    }
  })

  test('an integer has no exponent, and a schema may refer to itself', async () => {
    const node = {
      type: 'object',
      properties: {
        value: { type: 'integer' },
        next: { anyOf: [{ type: 'null' }, { $ref: '#/$defs/node' }] }
      },
      required: ['value', 'next']
    }
    const schema = {
      type: 'object',
      properties: { list: { $ref: '#/$defs/node' } },
      required: ['list'],
      $defs: { node }
    }
    for (let seed = 0; seed < 3; seed++) {
      const request = direct('list', { maxTokens: 3000, ...asSchema(schema) })
      const { text, finishReason } = await answer(noise, { ...request, sampling: { ...HOT, seed } })
      if (finishReason === 'length') continue // noise may go on and on in lists
      let { list } = JSON.parse(text)
      for (; list !== null; list = list.next) assert.ok(Number.isInteger(list.value), text)
    }
  })

  test('what cannot be kept is refused at admission, and the engine goes on', async () => {
    const bad = { type: 'object', properties: { a: { type: 'string', pattern: '\\bx' } } }
    await assert.rejects(
      answer(builtin, chat('hi', asSchema(bad))),
      fails('UNSUPPORTED_PARAMETER', /"pattern" at #\/properties\/a/)
    )
    const circle = {
      type: 'object',
      properties: { a: { $ref: '#/$defs/a' } },
      $defs: { a: { anyOf: [{ $ref: '#/$defs/a' }] } }
    }
    await assert.rejects(
      answer(builtin, chat('hi', asSchema(circle))),
      fails('VALIDATION_FAILED', /"\$ref" leads back to itself/)
    )
    await answer(builtin, chat('Who are you?'))
  })
})

suite('any JSON object', () => {
  test('is one, or what maxTokens left of one', async () => {
    let whole = 0
    const asked = Array.from({ length: 8 }, (_, seed) => {
      const sampling = { temperature: 0.7, seed }
      return answer(builtin, chat(`Say ${seed}`, { maxTokens: 120, ...asJson, sampling }))
    })
    for (const { text, finishReason } of await Promise.all(asked)) {
      assert.match(text, /^\{/)
      if (finishReason === 'length') continue
      whole++
      assert.equal(typeof JSON.parse(text), 'object')
    }
    assert.ok(whole > 0)
  })

  test('a stop text ends it before', async () => {
    const request = direct('object', { maxTokens: 2000, ...asSchema(SCHEMA) })
    const { text } = await answer(builtin, request)
    const stopped = await answer(builtin, { ...request, stop: ['"count"'] })
    assert.equal(stopped.text, text.slice(0, text.indexOf('"count"')))
    assert.equal(stopped.finishReason, 'stop')
  })
})

suite('resume', () => {
  for (const [name, engine] of Object.entries({ builtin, noise })) {
    test(`goes on in the middle of an object as if never interrupted (${name})`, async () => {
      const request: GenerateRequest = direct('object', { maxTokens: 2000, ...asSchema(SCHEMA) })
      const whole = await answer(engine, request)
      assertFits(whole)
      const pieces: { ids: number[]; text: string }[] = []
      for await (const { tokenIds, text } of engine.generate(request, never)) {
        pieces.push({ ids: tokenIds, text })
      }
      for (let cut = 1; cut <= pieces.length; cut += 9) {
        const sent = pieces.slice(0, cut)
        const text = sent.map((piece) => piece.text).join('')
        const resumeTokenIds = sent.flatMap(({ ids }) => ids)
        const rest = await answer(engine, { ...request, resumeTokenIds })
        assert.equal(text + rest.text, whole.text, `cut at ${cut}`)
        assert.equal(rest.finishReason, 'stop')
        // Of another file only the text is known, and noise has no text that says it all.
        if (engine === noise) continue
        const resumed = { resumeText: text, resumeTokens: resumeTokenIds.length }
        const byText = await answer(engine, { ...request, resumeTokenIds: [9e6], ...resumed })
        assertFits({ ...byText, text: text + byText.text })
        assert.ok(byText.usage.completionTokens >= resumeTokenIds.length)
      }
    })
  }

  test('after what is no beginning of such an answer it is refused', async () => {
    const { tokenIds } = await answer(builtin, chat('Who are you?'))
    await assert.rejects(
      answer(builtin, chat('Who are you?', { resumeTokenIds: tokenIds, ...asJson })),
      fails('VALIDATION_FAILED', /not the beginning of one in this response format/)
    )
    const resumed = { resumeText: 'Hello', resumeTokens: 1 }
    await assert.rejects(
      answer(builtin, chat('Who are you?', { ...resumed, ...asJson })),
      fails('VALIDATION_FAILED', /not the beginning/)
    )
    await answer(builtin, chat('Who are you?'))
  })

  test('without a form an answer goes on after a text, too', async () => {
    const story = chat('Tell me a story about a fox.')
    const { text, usage } = await answer(builtin, story)
    for (const cut of [1, 7, 20, text.length - 3]) {
      const resumed = { resumeText: text.slice(0, cut), resumeTokens: 2, resumeTokenIds: [9e6] }
      const rest = await answer(builtin, { ...story, ...resumed })
      assert.ok(text.slice(0, cut) + rest.text !== text.slice(0, cut), 'it goes on')
      assert.equal(rest.usage.promptTokens, usage.promptTokens)
    }
  })
})
