/** The forms in which people and tools write schemas: each is taken, and means what it says. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Schema } from '../../../../../../../services/worker/engines/llama/child/schema/references.ts'
import { checkAnswers } from './checked.ts'
import { grammarOf, writes } from './random-answers.ts'

interface Form {
  schema: Schema
  /** Texts that the grammar writes, and others that it does not. */
  writes: readonly string[]
  never: readonly string[]
}

const word = { type: 'string', enum: ['a', 'b'] }
const object = (properties: Schema, ...required: string[]) => {
  return { type: 'object', properties, required, additionalProperties: false } as const
}

const FORMS: Record<string, Form> = {
  'optional properties, in order': {
    schema: object({ a: word, b: word, c: word }, 'b'),
    writes: ['{"b":"a"}', '{"a":"a","b":"b"}', '{ "a": "a", "b": "b", "c": "a" }'],
    never: ['{}', '{"a":"a"}', '{"b":"a","a":"a"}', '{"b":"a",}', '{,"b":"a"}', '{"b":"a","b":"a"}']
  },
  'further properties by a schema': {
    schema: { type: 'object', properties: { a: word }, additionalProperties: { type: 'null' } },
    writes: ['{}', '{"a":"a"}', '{"a":"a","x":null}', '{"x":null,"aa":null}'],
    never: ['{"x":1}', '{"a":null}', '{"x":null,"a":"a"}']
  },
  'no word of further properties': {
    schema: { type: 'object', properties: { a: word } },
    writes: ['{"a":"a"}'],
    never: ['{"x":1}']
  },
  'any object': {
    schema: { type: 'object' },
    writes: ['{}', '{"a":{"b":[1,null]}}'],
    never: ['[]']
  },
  'properties by their pattern': {
    schema: {
      type: 'object',
      properties: { id: { type: 'null' } },
      patternProperties: { '^n': { type: 'integer' }, x$: { minimum: 5 } },
      additionalProperties: false
    },
    writes: ['{"id":null,"n1":7}', '{"nx":5}', '{"yx":5.5}'],
    never: ['{"nx":4}', '{"nx":5.5}', '{"other":1}']
  },
  'a required property that is not described': {
    schema: { type: 'object', properties: { a: word }, required: ['z'] },
    writes: ['{"z":[1]}', '{"a":"a","z":{}}'],
    never: ['{}', '{"a":"a"}']
  },
  'a number of properties': {
    schema: {
      type: 'object',
      properties: { a: word, b: word, c: word },
      minProperties: 1,
      maxProperties: 2
    },
    writes: ['{"a":"a"}', '{"a":"a","c":"a"}', '{"b":"a","c":"b"}'],
    never: ['{}', '{"a":"a","b":"a","c":"a"}']
  },
  'a record of a size': {
    schema: {
      type: 'object',
      additionalProperties: { type: 'null' },
      minProperties: 1,
      maxProperties: 2
    },
    writes: ['{"a":null}', '{"a":null,"b":null}'],
    never: ['{}', '{"a":null,"b":null,"c":null}']
  },
  'references in all forms': {
    schema: {
      $id: 'https://example.com/root',
      type: 'array',
      prefixItems: [
        { $ref: '#/$defs/a%20b' },
        { $ref: '#/definitions/c~1d' },
        { $ref: '#named' },
        { $ref: '#/prefixItems/0' },
        { $ref: 'https://example.com/root#/$defs/a%20b', description: 'beside it' }
      ],
      $defs: { 'a b': { const: 1 }, n: { $anchor: 'named', const: 3 } },
      definitions: { 'c/d': { const: 2 } }
    },
    writes: ['[1,2,3,1,1]'],
    never: ['[1,2,3,1]', '[1,2,3,1,2]']
  },
  'a root that refers to itself': {
    schema: { anyOf: [{ type: 'null' }, { type: 'array', items: { $ref: '#' } }] },
    writes: ['null', '[]', '[[null],[[]]]'],
    never: ['{}', '[1]']
  },
  'allOf with a reference': {
    schema: {
      allOf: [{ $ref: '#/$defs/a' }, { properties: { b: word }, required: ['b'] }],
      description: 'as Pydantic 1 writes it',
      $defs: { a: { type: 'object', properties: { a: word }, required: ['a'] } }
    },
    writes: ['{"a":"a","b":"b"}'],
    never: ['{"a":"a"}', '{"b":"b"}']
  },
  'anyOf beside a type': {
    schema: {
      type: 'object',
      properties: { a: word, b: word },
      anyOf: [{ required: ['a'] }, { required: ['b'] }]
    },
    writes: ['{"a":"a"}', '{"b":"a"}', '{"a":"a","b":"b"}'],
    never: ['{}']
  },
  'nullable, as OpenAPI has it': {
    schema: { type: 'string', enum: ['a'], nullable: true },
    writes: ['"a"', 'null'],
    never: ['"b"']
  },
  'oneOf with a discriminator': {
    schema: {
      oneOf: [
        object({ kind: { enum: ['a'] }, n: { type: 'integer' } }, 'kind'),
        object({ kind: { const: 'b' }, s: word }, 'kind', 's')
      ],
      discriminator: { propertyName: 'kind' }
    },
    writes: ['{"kind":"a"}', '{"kind":"a","n":4}', '{"kind":"b","s":"a"}'],
    never: ['{"kind":"b"}', '{"kind":"a","s":"a"}']
  },
  'oneOf of objects that lack what the others need': {
    schema: { oneOf: [object({ a: word }, 'a'), object({ b: word }, 'b')] },
    writes: ['{"a":"a"}', '{"b":"b"}'],
    never: ['{"a":"a","b":"b"}']
  },
  'several types with the bounds of each': {
    schema: { type: ['integer', 'string', 'null'], minimum: 5, maxLength: 2 },
    writes: ['5', '"ab"', 'null'],
    never: ['4', '"abc"', '5.5']
  },
  'a type that only the keywords tell': {
    schema: { properties: { a: { items: { minLength: 1 } } }, required: ['a'] },
    writes: ['{"a":[]}', '{"a":["x"]}'],
    never: ['1', '{"a":[""]}', '{"a":1}']
  },
  'tuples of before 2020': {
    schema: { type: 'array', items: [{ const: 1 }, { const: 2 }], additionalItems: { const: 3 } },
    writes: ['[1,2]', '[1,2,3]', '[1,2,3,3]'],
    never: ['[2,1]', '[1,2,4]']
  },
  'exclusive bounds of before draft 6': {
    schema: { type: 'integer', minimum: 3, exclusiveMinimum: true, maximum: 5 },
    writes: ['4', '5'],
    never: ['3', '6']
  },
  'unique items of a few values': {
    schema: { type: 'array', items: { enum: ['a', 'b', 'c'] }, uniqueItems: true, minItems: 2 },
    writes: ['["c","a"]', '["b","a","c"]'],
    never: ['["a","a"]', '["a"]']
  },
  'values that are objects and lists': {
    schema: { enum: [{ a: 1, b: [] }, [1, 2], 'x', 1.5] },
    writes: ['{"a":1,"b":[]}', '[1, 2]', '"x"', '1.5'],
    never: ['{"a":1}', '[2, 1]']
  },
  'a value with bounds beside it': {
    schema: { enum: [1, 5, 'long', 'ab', null], maximum: 3, maxLength: 2 },
    writes: ['1', '"ab"', 'null'],
    never: ['5', '"long"']
  },
  'annotations of all kinds': {
    schema: {
      type: 'integer',
      minimum: 1,
      maximum: 1,
      title: 'T',
      unit: 'm',
      example: 1,
      propertyOrdering: ['a'],
      'x-order': 1,
      format: 'int32',
      readOnly: true
    },
    writes: ['1'],
    never: ['2']
  },
  'true and false': {
    schema: { type: 'object', properties: { a: true, b: false, c: {} } },
    writes: ['{"a":1,"c":[]}', '{}'],
    never: ['{"b":1}']
  },
  'a pattern beside its format': {
    schema: { type: 'string', format: 'email', pattern: '@example\\.com$' },
    writes: ['"ann@example.com"'],
    never: ['"ann@example.org"', '"@example.com"']
  },
  'a length beyond what llama.cpp repeats': {
    schema: { type: 'string', minLength: 2, maxLength: 2300 },
    writes: [`"${'a'.repeat(2300)}"`, '"ab"', `"${'a'.repeat(1999)}"`],
    never: [`"${'a'.repeat(2301)}"`, '"a"']
  },
  'as many items as at least': {
    schema: { type: 'array', items: { const: 1 }, minItems: 1200 },
    writes: [`[${Array(1200).fill(1).join()}]`, `[${Array(1300).fill(1).join()}]`],
    never: [`[${Array(1199).fill(1).join()}]`]
  }
}

suite('the forms of schemas', () => {
  for (const [name, { schema, writes: some, never }] of Object.entries(FORMS)) {
    test(name, () => {
      const grammar = grammarOf(schema)
      for (const text of some) assert.ok(writes(grammar, text), text.slice(0, 200))
      for (const text of never) assert.ok(!writes(grammar, text), text.slice(0, 200))
      if (!WITHOUT_DRAWS.has(name)) checkAnswers(name, schema)
    })
  }
})

/** ajv reads the draft of 2020 only; and some endings are not to be found at random. */
const WITHOUT_DRAWS: ReadonlySet<string> = new Set([
  'tuples of before 2020',
  'exclusive bounds of before draft 6',
  'nullable, as OpenAPI has it',
  'properties by their pattern',
  'as many items as at least'
])

test('a string counts characters, however they are written', () => {
  const grammar = grammarOf({ type: 'string', minLength: 2, maxLength: 2 })
  for (const text of ['"ab"', '"日本"', '"👍👍"', String.raw`"\u65e5\n"`]) {
    assert.ok(writes(grammar, text), text)
  }
  const emoji = String.raw`\ud83d\udc4d`
  assert.ok(writes(grammar, `"${emoji}${emoji}"`))
  assert.ok(!writes(grammar, `"${emoji}"`), 'a pair of surrogates is one character')
  assert.ok(!writes(grammar, String.raw`"\ud83d\n"`), 'half of a pair is none')
})

test('where a schema only describes, what can be kept is', () => {
  const schema = object({ a: { type: 'string', pattern: '\\bx' }, b: { not: word } }, 'a')
  const grammar = grammarOf(schema, 'widened')
  assert.ok(writes(grammar, '{"a":"free","b":[]}'))
  assert.ok(!writes(grammar, '{"a":1}'))
  assert.ok(!writes(grammar, '{"c":1}'))
})
