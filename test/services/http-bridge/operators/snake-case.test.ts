/** Operators' bodies and queries are messages under other names: as bounded, and stricter. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TObject } from 'typebox'
import { Compile } from 'typebox/compile'
import {
  AuditEvent,
  AuditQuery,
  CreateToken,
  SetTenant,
  UsageQuery
} from '#shared/contracts/access/access.ts'
import { HaifError } from '#shared/errors.ts'
import { queryReader } from '../../../../services/http-bridge/operators/query.ts'
import {
  fromSnake,
  snake,
  snakeSchema,
  toSnake
} from '../../../../services/http-bridge/operators/snake-case.ts'
import { breachesOf, exampleOf, strictIn } from '../../../helpers/schema-values.ts'

const BODIES: [name: string, schema: TObject][] = [
  ['CreateToken', CreateToken],
  ['SetTenant', SetTenant]
]

for (const [name, schema] of BODIES) {
  const body = snakeSchema(schema)
  const validator = Compile(body)

  test(`${name}: the body has every bound of the message, under the body's names`, () => {
    const bounds = (of: TObject) => breachesOf(of).map(({ at, bound }) => `${at}: ${bound}`)
    assert.deepEqual(
      bounds(body),
      bounds(schema).map((each) => each.replace(/^[^:]*/, snake))
    )
    for (const { at, value } of breachesOf(body)) assert.ok(!validator.Check(value), at)
  })

  test(`${name}: a body becomes the message, and the message the body`, () => {
    const example = exampleOf(body)
    assert.ok(validator.Check(example))
    const message = fromSnake(schema, example)
    assert.deepEqual(message, exampleOf(schema))
    assert.deepEqual(toSnake(schema, message), example)
  })

  test(`${name}: unknown fields are refused, as a misspelt limit would limit nothing`, () => {
    const example = exampleOf(body) as { limits: object }
    assert.deepEqual(strictIn(body), ['', 'limits'])
    assert.ok(!validator.Check({ ...example, tokens: 1 }))
    assert.ok(!validator.Check({ ...example, limits: { tokensPerDay: 5 } }))
    assert.ok(validator.Check({ ...example, limits: { tokens_per_day: 5 } }))
  })
}

test('the names within details are the caller’s own, and stay', () => {
  const event = { ...(exampleOf(AuditEvent) as object), details: { maxTokens: 1, max_tokens: 2 } }
  const { details, request_id: requestId } = toSnake(AuditEvent, event) as Record<string, unknown>
  assert.deepEqual(details, { maxTokens: 1, max_tokens: 2 })
  assert.equal(requestId, 'a')
})

const readAudit = queryReader(AuditQuery, ['from', 'to'])
const readUsage = queryReader(UsageQuery)

test('a query is text, and its numbers and dates are read', () => {
  assert.deepEqual(
    readAudit({ limit: '5', offset: '0', from: '2026-01-01', to: '1767225600001' }),
    {
      limit: 5,
      offset: 0,
      from: 1_767_225_600_000,
      to: 1_767_225_600_001
    }
  )
  assert.deepEqual(readUsage({ group_by: 'day' }), { groupBy: 'day' })
  assert.deepEqual(readAudit({}), {})
})

test('a query that does not fit is refused with the name of its parameter', () => {
  const cases: [query: object, param: string, read?: (query: object) => unknown][] = [
    [{ limit: '0' }, 'limit'],
    [{ limit: '1001' }, 'limit'],
    [{ limit: '1.5' }, 'limit'],
    [{ limit: 'many' }, 'limit'],
    [{ limit: '' }, 'limit'],
    [{ limit: ['1', '2'] }, 'limit'],
    [{ offset: '-1' }, 'offset'],
    [{ from: 'yesterday' }, 'from'],
    [{ result: 'maybe' }, 'result'],
    [{ action: 'a'.repeat(65) }, 'action'],
    [{ limits: '5' }, 'limits'],
    [{ ['x'.repeat(500)]: '5' }, 'x'.repeat(64)],
    [{ group_by: 'planet' }, 'group_by', readUsage],
    [{ groupBy: 'day' }, 'groupBy', readUsage]
  ]
  for (const [query, param, read = readAudit] of cases) {
    assert.throws(
      () => read(query),
      (error: unknown) => {
        assert.ok(error instanceof HaifError)
        assert.equal(error.code, 'VALIDATION_FAILED')
        assert.deepEqual(error.details, { param }, error.message)
        assert.ok(error.message.includes(param), error.message)
        return true
      }
    )
  }
})
