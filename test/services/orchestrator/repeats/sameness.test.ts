/**
 * What makes two requests the same under one `Idempotency-Key`: what is asked of the model, all of
 * it.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { InferenceEnd, InferenceItem } from '#shared/contracts/inference/answer.ts'
import {
  Asked,
  type Charge,
  type Handling,
  type InferenceRequest,
  type Sent
} from '#shared/contracts/inference/request.ts'
import { toHaifError } from '#shared/errors.ts'
import { IdempotentAnswers } from '../../../../services/orchestrator/repeats/idempotency.ts'
import { longContext } from '../workers/table.ts'

const KEY = { tenant: 'a', idempotencyKey: 'k' }
const END = { model: 'm', finishReason: 'length' } as InferenceEnd

const text = fc.string({ minLength: 1, maxLength: 8 })
const name = fc.stringMatching(/^[a-z]{1,4}$/)
const share = fc.constantFrom(0, 0.5, 1)

/** Each field of `Asked`, with values that differ. */
const FIELDS = {
  model: name,
  input: fc.oneof(
    fc.record({ mode: fc.constant('direct' as const), prompt: text }),
    fc.record({
      mode: fc.constant('tokens' as const),
      tokenIds: fc.array(fc.nat(99), { minLength: 1 })
    }),
    fc.record({
      mode: fc.constant('chat' as const),
      messages: fc.array(fc.record({ role: fc.constantFrom('user', 'system'), content: text }), {
        minLength: 1
      })
    })
  ),
  maxTokens: fc.integer({ min: 1, max: 99 }),
  sampling: fc.record({ temperature: share, topP: share, seed: fc.nat(9) }, { requiredKeys: [] }),
  stop: fc.array(text),
  responseFormat: fc.constantFrom({ type: 'json' }, { type: 'jsonSchema', schema: { a: 1 } }),
  tools: fc.array(fc.record({ name, description: text }, { requiredKeys: ['name'] })),
  toolChoice: fc.oneof(fc.constantFrom('auto', 'none', 'required'), fc.record({ name })),
  parallelToolCalls: fc.boolean(),
  reasoningEffort: fc.constantFrom('none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'),
  templateVariables: fc.dictionary(name, fc.jsonValue(), { maxKeys: 3 }),
  continueFinal: fc.boolean(),
  logprobs: fc.boolean(),
  topLogprobs: fc.nat(20),
  promptLogprobs: fc.boolean(),
  labels: fc.dictionary(name, text, { maxKeys: 3 }),
  workers: fc.array(fc.stringMatching(/^[0-9a-f]{64}$/), { maxLength: 2 })
} satisfies Record<keyof Asked, fc.Arbitrary<unknown>>

const asked = fc.record(FIELDS, { requiredKeys: ['input', 'maxTokens', 'sampling'] })

const handling: fc.Arbitrary<Handling> = fc.record(
  {
    priority: fc.constantFrom('interactive', 'batch'),
    watchQueue: fc.boolean(),
    explain: fc.boolean(),
    idempotencyKey: fc.constant('k')
  },
  { requiredKeys: [] }
)
const charge: fc.Arbitrary<Charge> = fc.record(
  { tenantId: fc.constant('a'), caller: name, usageId: name, weight: fc.constantFrom(1, 2) },
  { requiredKeys: [] }
)
const sent: fc.Arbitrary<Sent> = fc.constantFrom(
  { tokenIds: [97], text: 'a' },
  { tokenIds: [97, 98], text: 'ab', digest: 'd' }
)
const rest = fc.record({ handling, charge, sent }, { requiredKeys: ['handling', 'charge'] })

async function* run(request: InferenceRequest): AsyncGenerator<InferenceItem, InferenceEnd, void> {
  const answer = 'abc'
  for (let seq = request.sent?.tokenIds.length ?? 0; seq < answer.length; seq++) {
    yield { seq, tokenIds: [answer.charCodeAt(seq)], text: answer[seq]! }
  }
  return END
}

test('I2: every field of what is asked takes part', () => {
  assert.deepEqual(Object.keys(FIELDS).toSorted(), Object.keys(Asked.properties).toSorted())
})

test('I2: however it is handled, whoever is charged and whatever was sent, it is the same request', async (t) => {
  const context = longContext(t)
  await fc.assert(
    fc.asyncProperty(asked, rest, rest, async (same, one, other) => {
      const answers = new IdempotentAnswers()
      let runs = 0
      const counted = (request: InferenceRequest) => {
        runs++
        return run(request)
      }
      for (const parts of [one, other]) {
        const stream = answers.stream(KEY, { asked: same, ...parts }, context, counted)
        for await (const _ of stream);
      }
      answers.stop()
      assert.equal(runs, 1)
    })
  )
})

test('I2: any difference in what is asked is a conflict', async (t) => {
  const context = longContext(t)
  const field = fc.constantFrom(...(Object.keys(FIELDS) as (keyof Asked)[]))
  const difference = field.chain((which) => fc.tuple(fc.constant(which), FIELDS[which]))
  await fc.assert(
    fc.asyncProperty(asked, rest, difference, async (one, parts, [which, value]) => {
      fc.pre(JSON.stringify(one[which]) !== JSON.stringify(value))
      const answers = new IdempotentAnswers()
      for await (const _ of answers.stream(KEY, { asked: one, ...parts }, context, run));
      const other = { asked: { ...one, [which]: value } as Asked, ...parts }
      const outcome = answers.stream(KEY, other, context, run).next()
      assert.equal(await outcome.catch((error) => toHaifError(error).code), 'CONFLICT', which)
      answers.stop()
    }),
    { numRuns: 300 }
  )
})
