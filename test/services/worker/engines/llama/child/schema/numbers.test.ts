/** Bounds of numbers, as patterns of digits: a number is written when it is within them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  integerPattern,
  numberPattern,
  type NumberBounds
} from '../../../../../../../services/worker/engines/llama/child/schema/numbers.ts'

/** With three decimals at most, so that no number is another one once it is read. */
const decimal = fc.oneof(
  fc.constant(0),
  fc.integer({ min: -20, max: 20 }),
  fc.integer({ min: -1_000_000, max: 1_000_000 }).map((n) => n / 1000),
  fc.integer({ min: -(10 ** 9), max: 10 ** 9 })
)
const bounds: fc.Arbitrary<NumberBounds> = fc.record(
  { minimum: decimal, maximum: decimal, exclusiveMinimum: decimal, exclusiveMaximum: decimal },
  { requiredKeys: [] }
)

function isWithin(value: number, given: NumberBounds): boolean {
  const { minimum = -Infinity, maximum = Infinity } = given
  const { exclusiveMinimum = -Infinity, exclusiveMaximum = Infinity } = given
  const isInside = value > exclusiveMinimum && value < exclusiveMaximum
  return isInside && value >= minimum && value <= maximum
}

function matches(pattern: string | null, text: string): boolean {
  return pattern !== null && new RegExp(`^${pattern}$`).test(text)
}

test('numbers within the bounds are written, and no others', () => {
  fc.assert(
    fc.property(bounds, fc.array(decimal, { maxLength: 5 }), (given, others) => {
      const near = Object.values(given).flatMap((bound) =>
        [0, 1, -1, 0.1, -0.001].map((d) => bound + d)
      )
      for (const exact of [...others, ...near]) {
        const value = Number(exact.toFixed(3))

        const fits = isWithin(value, given)
        const text = String(value)
        assert.equal(matches(numberPattern(given), text), fits, text)
        const longer = text.includes('.') ? `${text}0` : `${text}.00`
        assert.equal(matches(numberPattern(given), longer), fits, longer)
        if (Number.isInteger(value)) assert.equal(matches(integerPattern(given), text), fits, text)
      }
    })
  )
})

test('bounds between which there is no number have no pattern', () => {
  assert.equal(integerPattern({ minimum: 1.2, maximum: 1.8 }), null)
  assert.equal(numberPattern({ minimum: 2, maximum: 1 }), null)
  assert.equal(numberPattern({ exclusiveMinimum: 2, maximum: 2 }), null)
})
