/** What a text between marks means, by the schema of the argument. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import {
  propertySchema,
  typesOf,
  type JsonType
} from '../../../../../../../../services/worker/engines/llama/child/format/arguments/argument-types.ts'
import { valueOfText } from '../../../../../../../../services/worker/engines/llama/child/format/arguments/text-value.ts'

const ANY = ['string', 'number', 'boolean', 'null', 'object', 'array'] as const

suite('an argument between marks', () => {
  test('has the types that its schema gives it', () => {
    const root = {
      properties: {
        tree: { $ref: '#/$defs/tree' },
        itself: { $ref: '#/properties/itself' },
        whole: { $ref: '#' }
      },
      $defs: { tree: { type: 'object' }, 'a/b': { enum: ['x', 1, null] } }
    }
    const cases: [schema: unknown, types: readonly JsonType[]][] = [
      [{ type: 'string' }, ['string']],
      [{ type: 'integer' }, ['number']],
      [{ type: ['number', 'null'] }, ['number', 'null']],
      [{ type: 'string', nullable: true }, ['string', 'null']],
      [{ anyOf: [{ type: 'string' }, { type: 'null' }] }, ['string', 'null']],
      [{ oneOf: [{ const: 'a' }, { const: 2 }] }, ['string', 'number']],
      [{ anyOf: [{ type: 'string' }, {}] }, ANY],
      [{ allOf: [{ description: 'x' }, { type: 'array' }] }, ['array']],
      [{ enum: ['a', 'b'] }, ['string']],
      [{ $ref: '#/$defs/a~1b' }, ['string', 'number', 'null']],
      [{ properties: {} }, ['object']],
      [{ items: {} }, ['array']],
      [{ pattern: '^a' }, ['string']],
      [{}, ANY],
      [true, ANY],
      [propertySchema(root, 'tree'), ['object']],
      [propertySchema(root, 'whole'), ['object']],
      [propertySchema(root, 'itself'), ANY],
      [propertySchema(root, 'toString'), ANY],
      [{ $ref: 'https://example.org/other' }, ANY]
    ]
    for (const [schema, types] of cases) {
      assert.deepEqual([...typesOf(schema, root)], types, JSON.stringify(schema))
    }
  })

  test('is a string only where it can be nothing else', () => {
    const cases: [text: string, types: readonly JsonType[], value: unknown][] = [
      ['42', ['string'], '42'],
      ['42', ['number'], 42],
      ['42', ['string', 'number'], 42],
      ['42', ['string', 'null'], '42'],
      [' 4.50 ', ['number'], 4.5],
      ['None', ['string', 'null'], null],
      ['null', ['string'], 'null'],
      ['True', ['boolean'], true],
      ['yes', ['boolean'], 'yes'],
      ['["a", 1]', ['array'], ['a', 1]],
      ['["a", 1]', ['string', 'null'], '["a", 1]'],
      ["{'a': [1, None]}", ['object'], { a: [1, null] }],
      ['{"a": 1', ['object'], '{"a": 1'],
      ['[see the page](x)', ANY, '[see the page](x)'],
      ['"quoted"', ANY, '"quoted"'],
      ['"quoted"', ['number'], 'quoted'],
      ['  spaces stay ', ANY, '  spaces stay '],
      ['', ANY, ''],
      ['7', ANY, 7],
      ['nan', ANY, 'nan']
    ]
    for (const [text, types, value] of cases) {
      assert.deepEqual(
        JSON.parse(valueOfText(text, new Set(types))),
        value,
        `${text} as ${types.join()}`
      )
    }
  })
})
