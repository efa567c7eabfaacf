import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeUse } from '../../../cli/commands/options/limit-options.ts'

const HOUR_MS = 3_600_000

test('lists of tokens and tenants say what is used of their budgets, and when they are renewed', () => {
  const day = {
    limit: 'tokensPerDay',
    of: 'token',
    max: 1_000_000,
    used: 12_000,
    left: 988_000,
    resetsInMs: 4.2 * HOUR_MS
  } as const
  const month = { ...day, limit: 'tokensPerMonth', resetsInMs: 12 * 24 * HOUR_MS } as const
  assert.equal(describeUse([day]), '12K of 1M tokens/day used, renewed in 5 h')
  assert.match(describeUse([day, month]), /; 12K of 1M tokens\/month used, renewed in 12 days$/)
  assert.equal(describeUse([{ ...day, limit: 'requestsPerMinute' }]), '')
  assert.equal(describeUse(), '')
})
