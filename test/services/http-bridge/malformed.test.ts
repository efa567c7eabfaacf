import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { Compile } from 'typebox/compile'
import { ErrorBody } from '#shared/contracts/http-error.ts'
import { startBridge } from './bridge.ts'

const errorBody = Compile(ErrorBody)
const RUNS = 500

const GOOD = { prompt: 'hi', max_tokens: 5, temperature: 0.5, stop: ['x'], stream: false }
const wrongFor: Record<string, fc.Arbitrary<unknown>> = {
  prompt: fc.oneof(fc.constant(''), fc.integer(), fc.array(fc.string()), fc.object()),
  max_tokens: fc.oneof(fc.integer({ max: 0 }), fc.double({ min: 2 ** 21 }), fc.string()),
  temperature: fc.oneof(fc.double({ min: 2.001, noDefaultInfinity: true }), fc.string()),
  stop: fc.oneof(fc.integer(), fc.constant(['']), fc.array(fc.integer(), { minLength: 1 })),
  stream: fc.oneof(fc.integer(), fc.string(), fc.object()),
  model: fc.oneof(fc.constant(''), fc.string({ minLength: 257, maxLength: 400 }), fc.boolean()),
  messages: fc.oneof(fc.constant([]), fc.array(fc.string(), { minLength: 1 }), fc.string()),
  seed: fc.oneof(fc.integer({ max: -1 }), fc.constant(2 ** 33), fc.string())
}

/** A good body with one wrong field. */
const wrongField = fc
  .constantFrom(...Object.keys(wrongFor))
  .chain((name) => wrongFor[name]!.map((value) => JSON.stringify({ ...GOOD, [name]: value })))
const versioned = fc
  .tuple(fc.jsonValue(), fc.string({ minLength: 1 }))
  .map(([value, name]) => JSON.stringify({ api_version: 'v1', prompt: 'hi', [`x${name}`]: value }))
const notAnObject = fc
  .jsonValue()
  .filter((value) => !isObject(value))
  .map((v) => JSON.stringify(v))
const withoutPrompt = fc
  .dictionary(fc.string(), fc.jsonValue())
  .filter((value) => !['prompt', 'input', 'messages'].some((name) => Object.hasOwn(value, name)))
  .map((value) => JSON.stringify(value))
const cutOff = fc
  .integer({ min: 0, max: JSON.stringify(GOOD).length - 1 })
  .map((length) => JSON.stringify(GOOD).slice(0, length))
const deep = fc
  .integer({ min: 65, max: 50_000 })
  .map((depth) => `{"prompt":"hi","x":${'{"x":['.repeat(depth)}${']}'.repeat(depth)}}`)
const noise = fc.uint8Array({ minLength: 1, maxLength: 200 }).map((bytes) => Buffer.from(bytes))
const notUtf8 = fc
  .uint8Array({ minLength: 1, maxLength: 20, min: 0xf8 })
  .map((bytes) => Buffer.concat([Buffer.from('{"prompt":"'), bytes, Buffer.from('"}')]))

const malformed = fc.oneof(
  { weight: 4, arbitrary: wrongField },
  { weight: 2, arbitrary: versioned },
  notAnObject,
  withoutPrompt,
  cutOff,
  deep,
  noise,
  notUtf8
)

const isObject = (value: unknown) =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

test(`${RUNS} malformed bodies all get a 4xx in the right shape`, async (t) => {
  const bridge = await startBridge(t)
  const property = fc.asyncProperty(malformed, async (body) => {
    const response = await bridge.send(body, { 'content-type': 'application/json' })
    const text = await response.text()
    const reply: unknown = JSON.parse(text)
    assert.ok(response.status >= 400 && response.status < 500, `${response.status} ${text}`)
    assert.ok(errorBody.Check(reply), text)
    assert.equal(reply.error.request_id, response.headers.get('x-request-id'))
    assert.ok(!reply.error.message.includes('\n') && reply.error.message.length < 300, text)
  })
  await fc.assert(property, { numRuns: RUNS })
  assert.equal(bridge.requests.length, 0)
  assert.equal((await bridge.post({ prompt: 'hi' })).status, 200)
})
