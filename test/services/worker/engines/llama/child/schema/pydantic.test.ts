/** What Pydantic makes of Python's types is taken, and the answers fit. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Json } from '../../../../../../../services/worker/engines/llama/child/schema/references.ts'
import { checkAnswers } from './checked.ts'
import recorded from './pydantic.json' with { type: 'json' }

/** No grammar keeps apart what was written before: sets of many values only describe. */
const isLargeSet = (schema: Json): boolean =>
  schema['uniqueItems'] === true && !/"enum"|"boolean"/.test(JSON.stringify(schema))

const schemas: [string, Json][] = Object.entries(recorded.schemas)

for (const [name, schema] of schemas) {
  test(`Pydantic: ${name}`, () => {
    checkAnswers(name, isLargeSet(schema) ? { ...schema, uniqueItems: undefined } : schema)
  })
}

test('Pydantic: many types are recorded', () => assert.ok(schemas.length > 100))
