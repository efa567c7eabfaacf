import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fittingArguments } from '../../../../services/gateway/functions/arguments.ts'

const INPUTS = [
  { name: 'a', type: 'int' },
  { name: 'b', type: 'list[str] | None', optional: true, default: null },
  { name: 'c', optional: true }
]

test('defaults stand in for what is missing, unless only the function knows them', () => {
  assert.deepEqual(fittingArguments(INPUTS, { a: 1 }), { a: 1, b: null })
  assert.deepEqual(fittingArguments(INPUTS, { a: 1, b: 'x', c: [2] }), { a: 1, b: 'x', c: [2] })
})

test('what is missing, unknown or of another type is named', () => {
  const cases: [Record<string, unknown>, string][] = [
    [{}, 'arguments.a'],
    [{ a: 1.5 }, 'arguments.a'],
    [{ a: '1' }, 'arguments.a'],
    [{ a: 1, d: 2 }, 'arguments.d']
  ]
  for (const [given, param] of cases) {
    assert.throws(() => fittingArguments(INPUTS, given), {
      code: 'VALIDATION_FAILED',
      details: { param }
    })
  }
})
