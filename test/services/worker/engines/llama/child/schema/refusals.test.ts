/** Which schemas are refused, and what is said of them. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Strictness } from '../../../../../../../services/worker/engines/llama/child/schema/alternatives.ts'
import { SchemaRules } from '../../../../../../../services/worker/engines/llama/child/schema/schema-rules.ts'
import { HaifError, type ErrorCode } from '../../../../../../../shared/errors.ts'

type Schema = Record<string, unknown>

const withProperty = (schema: unknown): Schema => {
  return { type: 'object', properties: { it: schema }, required: ['it'] }
}

function rulesOf(schema: Schema, strictness?: Strictness): string {
  const rules = new SchemaRules()
  rules.add(schema, strictness)
  return rules.text
}

function refuses(schema: Schema, code: ErrorCode, message: RegExp): void {
  assert.throws(
    () => rulesOf(schema),
    (error: unknown) => {
      assert.ok(error instanceof HaifError)
      assert.equal(error.code, code, error.message)
      assert.match(error.message, message)
      return true
    }
  )
}

const UNKEPT: [string, Schema][] = [
  ['pattern', { type: 'string', pattern: '(?<=a)b' }],
  ['pattern', { type: 'string', pattern: '\\bword\\b' }],
  ['pattern', { type: 'string', pattern: '(a)\\1' }],
  ['multipleOf', { type: 'number', multipleOf: 1e-20 }],
  ['minimum', { type: 'number', minimum: 1e30 }],
  ['oneOf', { oneOf: [{ type: 'integer' }, { type: 'number' }] }],
  ['not', { not: { type: 'string' } }],
  ['if', { type: 'object', if: {}, else: {} }],
  ['contains', { type: 'array', contains: { type: 'null' } }],
  ['dependentRequired', { type: 'object', dependentRequired: { a: ['b'] } }],
  ['minProperties', { type: 'object', minProperties: 3 }],
  ['$ref', { $ref: '#/$defs/nobody' }],
  ['$ref', { $ref: 'https://example.com/schema' }]
]

suite('schemas', () => {
  test('a keyword that cannot be kept is named, and where it stands', () => {
    for (const [keyword, schema] of UNKEPT) {
      const named = new RegExp(`"${keyword.replace('$', '\\$')}" at #/properties/it`)
      refuses(withProperty(schema), 'UNSUPPORTED_PARAMETER', named)
    }
  })

  test('where a schema only describes, the rest of it is kept', () => {
    for (const [keyword, schema] of UNKEPT) {
      const text = rulesOf(withProperty(schema), 'widened')
      assert.match(text, /\\"it\\":/, keyword)
    }
  })

  test('what is no schema is refused', () => {
    refuses(withProperty('string'), 'VALIDATION_FAILED', /must be a schema/)
    refuses(withProperty({ type: 'text' }), 'VALIDATION_FAILED', /no type "text"/)
    refuses(withProperty({ anyOf: [] }), 'VALIDATION_FAILED', /"anyOf" must be a list/)
    refuses(withProperty({ enum: 3 }), 'VALIDATION_FAILED', /"enum" must be a list/)
    refuses(withProperty({ minLength: -1 }), 'VALIDATION_FAILED', /"minLength" must be a whole/)
    refuses(withProperty({ multipleOf: 0 }), 'VALIDATION_FAILED', /"multipleOf" must be above 0/)
    refuses({ type: 'object', required: 'a' }, 'VALIDATION_FAILED', /#\/required/)
  })

  test('what no value fits is refused', () => {
    const impossible: Schema[] = [
      { type: 'string', enum: [1] },
      { type: 'array', items: { type: 'null' }, minItems: 3, maxItems: 2 },
      { type: 'integer', minimum: 1.2, maximum: 1.8 },
      { type: 'string', minLength: 3, maxLength: 2 },
      { allOf: [{ type: 'string' }, { type: 'null' }] },
      { type: 'object', required: ['a'], additionalProperties: false }
    ]
    for (const schema of impossible) {
      refuses(withProperty(schema), 'VALIDATION_FAILED', /no value fits/)
    }
    const pattern = { type: 'string', pattern: '^a$', maxLength: 0 }
    refuses(withProperty(pattern), 'VALIDATION_FAILED', /at #\/properties\/it: no text meets/)
  })

  test('a value without an end is refused, and one that can end is not', () => {
    const node = (next: Schema, required: string[]) => {
      const properties = { value: { type: 'null' }, next }
      return { type: 'object', properties, required, additionalProperties: false }
    }
    refuses(node({ $ref: '#' }, ['value', 'next']), 'VALIDATION_FAILED', /at #: .*has no end/)
    const list = { type: 'array', items: { $ref: '#' }, minItems: 1 }
    refuses(node(list, ['next']), 'VALIDATION_FAILED', /has no end/)
    refuses({ $ref: '#' }, 'VALIDATION_FAILED', /"\$ref" leads back to itself/)
    refuses({ anyOf: [{ $ref: '#' }] }, 'VALIDATION_FAILED', /"\$ref" leads back to itself/)
    rulesOf(node({ $ref: '#' }, ['value']))
    rulesOf(node({ anyOf: [{ $ref: '#' }, { type: 'null' }] }, ['next']))
    rulesOf(node({ type: 'array', items: { $ref: '#' } }, ['next']))
  })

  test('schemas and grammars have a size that they cannot exceed', () => {
    let deep: unknown = { type: 'null' }
    for (let level = 0; level < 80; level++) deep = withProperty(deep)
    refuses(withProperty(deep), 'VALIDATION_FAILED', /deeper than 64/)
    refuses({ title: 'x'.repeat(300_000) }, 'VALIDATION_FAILED', /longer than/)
    const pair = [{ required: ['a'] }, { required: ['b'] }]
    const crossed = { allOf: Array.from({ length: 12 }, () => ({ anyOf: pair })) }
    refuses(crossed, 'VALIDATION_FAILED', /more than 256 alternatives/)
    const long = { type: 'array', items: { type: 'string', maxLength: 900 }, maxItems: 900 }
    const properties = Array.from({ length: 200 }, (_, i) => {
      const items = { ...long.items, maxLength: 700 + i }
      return [`p${i}`, { ...long, items, maxItems: 700 + i }]
    })
    const many = { type: 'object', properties: Object.fromEntries(properties) }
    refuses(many, 'VALIDATION_FAILED', /grammar of the schema becomes too large/)
  })
})
