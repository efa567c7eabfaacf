/** Which schemas are taken, and what is said of the others. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { JsonEnd } from '../../../../../services/worker/engines/llama/child/answer/json-end.ts'
import { toGrammarSchema } from '../../../../../services/worker/engines/llama/child/answer/json-schema.ts'
import { HaifError, type ErrorCode } from '../../../../../shared/errors.ts'

const withProperty = (schema: unknown) => {
  return { type: 'object', properties: { it: schema } }
}

function refuses(schema: Record<string, unknown>, code: ErrorCode, message: RegExp): void {
  assert.throws(
    () => toGrammarSchema(schema),
    (error: unknown) => {
      assert.ok(error instanceof HaifError)
      assert.equal(error.code, code, error.message)
      assert.match(error.message, message)
      return true
    }
  )
}

suite('schemas', () => {
  test('annotations are left out, unions and types are put as the library has them', () => {
    const schema = {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      title: 'A person',
      type: 'object',
      properties: {
        name: { type: 'string', minLength: 1, description: 'Who' },
        age: { type: ['integer', 'null'] },
        pet: { anyOf: [{ $ref: '#/$defs/pet' }, { type: 'null' }] },
        kind: { type: 'string', enum: ['a', 'b', 3] },
        tags: { type: 'array', items: { const: 'x' }, maxItems: 2 }
      },
      required: ['name'],
      additionalProperties: false,
      $defs: { pet: { type: 'object', properties: { legs: { type: 'integer' } } } }
    }
    assert.deepEqual(toGrammarSchema(schema), {
      type: 'object',
      properties: {
        name: { type: 'string', minLength: 1 },
        age: { oneOf: [{ type: 'integer' }, { type: 'null' }] },
        pet: { oneOf: [{ $ref: '#/$defs/pet' }, { type: 'null' }] },
        kind: { enum: ['a', 'b'] },
        tags: { type: 'array', items: { enum: ['x'] }, maxItems: 2 }
      },
      $defs: { pet: { type: 'object', properties: { legs: { type: 'integer' } } } }
    })
  })

  test('a keyword that cannot be kept is named, and where it stands', () => {
    const unkept: [string, unknown][] = [
      ['pattern', { type: 'string', pattern: '^a' }],
      ['minimum', { type: 'integer', minimum: 3 }],
      ['format', { type: 'string', format: 'email' }],
      ['oneOf', { oneOf: [{ type: 'integer' }, { type: 'number' }] }],
      ['allOf', { type: 'object', allOf: [] }],
      ['uniqueItems', { type: 'array', items: { type: 'null' }, uniqueItems: true }],
      ['prefixItems', { type: 'array', prefixItems: [] }],
      ['patternProperties', { type: 'object', patternProperties: {} }],
      ['minProperties', { type: 'object', minProperties: 1 }],
      ['required', { type: 'object', required: ['a'] }],
      ['$ref', { $ref: '#/$defs/nobody' }],
      ['enum', { enum: [{ a: 1 }] }],
      ['maxLength', { type: 'string', maxLength: 100_000 }],
      ['type', {}]
    ]
    for (const [keyword, schema] of unkept) {
      const named = new RegExp(`"${keyword.replace('$', '\\$')}" at #/properties/it`)
      refuses(withProperty(schema), 'UNSUPPORTED_PARAMETER', named)
    }
    refuses({ type: 'array' }, 'UNSUPPORTED_PARAMETER', /outermost schema must have type "object"/)
  })

  test('what is no schema is refused', () => {
    refuses(withProperty(true), 'VALIDATION_FAILED', /must be an object/)
    refuses(withProperty({ type: 'text' }), 'VALIDATION_FAILED', /no type "text"/)
    refuses(withProperty({ anyOf: [] }), 'VALIDATION_FAILED', /"anyOf" must be a list/)
    refuses(withProperty({ type: 'string', enum: [1] }), 'VALIDATION_FAILED', /no value of "enum"/)
    const upsideDown = { type: 'array', items: { type: 'null' }, minItems: 3, maxItems: 2 }
    refuses(withProperty(upsideDown), 'VALIDATION_FAILED', /minItems is over maxItems/)
    let deep: unknown = { type: 'null' }
    for (let level = 0; level < 40; level++) deep = withProperty(deep)
    refuses(withProperty(deep), 'VALIDATION_FAILED', /deeper than 32/)
    refuses({ type: 'object', title: 'x'.repeat(70_000) }, 'VALIDATION_FAILED', /longer than/)
  })
})

test('the end of an object is found however its text is cut', () => {
  const object = JSON.stringify({ a: '}"\\', b: [{ c: '{' }, []], d: { e: {} } })
  for (let size = 1; size <= object.length; size++) {
    const json = new JsonEnd()
    const text = `${object} and more`
    let read = 0
    for (let at = 0; ; at += size) {
      const end = json.push(text.slice(at, at + size))
      read += end === -1 ? size : end
      if (end !== -1) break
    }
    assert.equal(read, object.length)
  }
})
