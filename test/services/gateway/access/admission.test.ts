/** Limits of a token and its tenant, as data: no network, a clock of the test. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Limits } from '#shared/contracts/access/access.ts'
import { MAX_TOKENS_MAX } from '#shared/contracts/inference/answer.ts'
import { HaifError } from '#shared/errors.ts'
import { MemoryState } from '#shared/store/memory-state.ts'
import { Admission } from '../../../../services/gateway/access/admission.ts'
import { periodOf } from '../../../../services/gateway/access/budget-period.ts'
import { Budgets } from '../../../../services/gateway/access/budgets.ts'
import { Concurrency } from '../../../../services/gateway/access/concurrency.ts'
import { ANONYMOUS, type Principal } from '../../../../services/gateway/access/principal.ts'

const NOON = Date.UTC(2026, 10, 21, 12)

function setUp(ofToken: Limits, ofTenant: Limits = {}) {
  const clock = { now: NOON }
  const now = () => clock.now
  const budgets = new Budgets(now)
  const shared = new MemoryState({ now })
  const admission = new Admission({ shared, budgets, concurrency: new Concurrency(1000) })
  const principal: Principal = { ...ANONYMOUS, tokenId: 't', tenant: 'a', limits: ofToken }
  const ask = (given: { model?: string; prompt?: number; max?: number; isRest?: boolean } = {}) =>
    admission.admit({
      principal,
      tenant: 'a',
      tenantLimits: ofTenant,
      address: undefined,
      model: given.model,
      promptTokens: given.prompt ?? 10,
      maxTokens: given.max ?? 10,
      isRest: given.isRest ?? false
    })
  return { admission, clock, budgets, ask }
}

test('no minute, wherever it begins, has more requests than are allowed', async () => {
  const { clock, ask } = setUp({ requestsPerMinute: 60 })
  const granted: number[] = []
  for (; clock.now < NOON + 180_000; clock.now += 137) {
    try {
      ;(await ask()).leave(0)
      granted.push(clock.now)
    } catch (error) {
      assert.equal((error as HaifError).code, 'RATE_LIMITED')
    }
  }
  for (const from of granted) {
    const within = granted.filter((at) => at >= from && at < from + 60_000)
    assert.ok(within.length <= 60, `${within.length} from ${from}`)
  }
  assert.ok(granted.length >= 150, `only ${granted.length} of 180`)
})

test('a refusal says when it fits, and then it does', async () => {
  const { clock, ask } = setUp({ requestsPerMinute: 2 })
  const first = await ask()
  assert.deepEqual(first.limits?.requests?.remaining, 1)
  await ask()
  const refused = await ask().catch((error: unknown) => error)
  assert.ok(refused instanceof HaifError)
  assert.equal(refused.code, 'RATE_LIMITED')
  clock.now += refused.retryAfterMs! - 1
  await assert.rejects(ask(), { code: 'RATE_LIMITED' })
  clock.now += 1
  await ask()
})

test('the rest of an answer that was let in before is not one more request', async () => {
  const { ask } = setUp({ requestsPerMinute: 1 })
  await ask()
  await ask({ isRest: true })
  await assert.rejects(ask(), { code: 'RATE_LIMITED' })
})

test('tokens of a minute are estimated first and settled in the end', async () => {
  const { ask } = setUp({ tokensPerMinute: 100 })
  const first = await ask({ prompt: 10, max: 90 })
  await assert.rejects(ask(), { code: 'RATE_LIMITED' })
  first.leave(20)
  const second = await ask({ prompt: 10, max: 70 })
  assert.equal(second.limits?.tokens?.remaining, 0)
  await assert.rejects(ask({ max: 500 }), /lower max_tokens/)
})

test('the tenant refuses what the token allows', async () => {
  const { ask } = setUp({ concurrent: 5 }, { concurrent: 1 })
  const running = await ask()
  await assert.rejects(ask(), { code: 'RATE_LIMITED' })
  running.leave(0)
  ;(await ask()).leave(0)
})

test('a budget that is used up says when it renews, and renews then', async () => {
  const { clock, ask } = setUp({ tokensPerDay: 100 })
  ;(await ask({ prompt: 50, max: 50 })).leave(90)
  await assert.rejects(ask({ prompt: 10, max: 10 }), {
    code: 'BUDGET_EXHAUSTED',
    message: /only 10 are left of the 100 tokens .* renew at 2026-11-22T00:00:00.000Z/,
    retryAfterMs: 12 * 3_600_000
  })
  ;(await ask({ prompt: 5, max: 5 })).leave(10)
  await assert.rejects(ask({ prompt: 1, max: 1 }), /none is left/)
  clock.now = Date.UTC(2026, 10, 22)
  ;(await ask()).leave(20)
})

test('requests that run hold what they may use, and give back what they did not', async () => {
  const { ask } = setUp({}, { tokensPerMonth: 100 })
  const running = await ask({ prompt: 10, max: 50 })
  await assert.rejects(ask({ prompt: 10, max: 50 }), { code: 'BUDGET_EXHAUSTED' })
  running.leave(15)
  ;(await ask({ prompt: 10, max: 50 })).leave(0)
})

test('a list tells what tokens and tenants have used of their budgets', async () => {
  const limits = { tokensPerDay: 100, requestsPerMinute: 5 }
  const { admission, ask } = setUp(limits, { tokensPerMonth: 1000 })
  ;(await ask({ prompt: 50, max: 50 })).leave(90)
  const resetsInMs = 12 * 3_600_000
  const day = { limit: 'tokensPerDay', of: 'token', max: 100, used: 90, left: 10, resetsInMs }
  assert.deepEqual(admission.withUse('token', { id: 't', limits }), {
    id: 't',
    limits,
    use: [day]
  })
  const tenant = admission.withUse('tenant', { id: 'a', limits: { tokensPerMonth: 1000 } })
  assert.equal((tenant as { use?: { used: number }[] }).use?.[0]?.used, 90)
  assert.deepEqual(admission.withUse('tenant', { id: 'b', limits: {} }), { id: 'b', limits: {} })
})

test('counts survive a batch that could not be stored', async () => {
  const { budgets, ask } = setUp({ tokensPerDay: 100 })
  ;(await ask()).leave(60)
  const batch = budgets.takeBatch(10)
  assert.deepEqual(
    batch.map(({ subject, tokens }) => [subject, tokens]),
    [
      ['token/t', 60],
      ['token/t', 60],
      ['tenant/a', 60],
      ['tenant/a', 60]
    ]
  )
  budgets.failed(batch)
  assert.equal(budgets.takeBatch(10).length, 4)
  await assert.rejects(ask({ max: 40 }), { code: 'BUDGET_EXHAUSTED' })
  const { name } = periodOf('day', NOON)
  budgets.learn([{ subject: 'token/t', period: name, tokens: 100 }])
  await assert.rejects(ask({ prompt: 1, max: 1 }), /none is left/)
})

test('only allowed models, no longer answers or contexts than allowed, and never a better class', async () => {
  const { ask } = setUp(
    { models: ['one', 'two'], outputTokens: 20, priority: 'batch' },
    { models: ['two', 'three'], contextTokens: 25, weight: 3 }
  )
  await assert.rejects(ask({ model: 'one' }), { code: 'MODEL_NOT_FOUND' })
  await assert.rejects(ask({ model: 'three' }), { code: 'MODEL_NOT_FOUND' })
  await assert.rejects(ask({ max: 21 }), { code: 'VALIDATION_FAILED' })
  await assert.rejects(ask({ prompt: 10, max: 16 }), { code: 'CONTEXT_TOO_LONG' })
  const { model, priority, weight } = await ask()
  assert.deepEqual([model, priority, weight], ['two', 'batch', 3])
})

test('an answer of any length is let in, as long as the limits allow', async () => {
  const max = MAX_TOKENS_MAX
  const free = setUp({})
  assert.equal((await free.ask({ max })).maxTokens, max)
  const { ask } = setUp({ outputTokens: 500, contextTokens: 2000, tokensPerMinute: 3000 })
  assert.equal((await ask({ max })).maxTokens, 500)
  await assert.rejects(ask({ prompt: 2000, max }), { code: 'CONTEXT_TOO_LONG' })
  const short = setUp({ contextTokens: 100 })
  assert.equal((await short.ask({ prompt: 60, max })).maxTokens, 40)
  const minute = setUp({ tokensPerMinute: 1000 })
  const { maxTokens, leave } = await minute.ask({ max })
  assert.equal(maxTokens, 990)
  await assert.rejects(minute.ask({ max }), { code: 'RATE_LIMITED' })
  leave(200)
  await minute.ask({ max: 700 }) // what was held and not used is there again
})

test('what is left of a budget is enough for an answer of any length', async () => {
  const max = MAX_TOKENS_MAX
  const { ask } = setUp({ tokensPerDay: 3000 })
  const first = await ask({ max })
  const second = await ask({ max })
  const third = await ask({ max })
  await assert.rejects(ask({ max }), { code: 'BUDGET_EXHAUSTED' })
  for (const { leave } of [first, second]) leave(1000)
  third.leave(900)
  const last = await ask({ max })
  last.leave(100)
  await assert.rejects(ask({ max }), { code: 'BUDGET_EXHAUSTED' })
})

test('L2: naming another tenant with each request does not pass the limit of tenants', async () => {
  const now = () => NOON
  const addressLimits = { requestsPerSecond: 8 }
  const admission = new Admission({
    shared: new MemoryState({ now }),
    budgets: new Budgets(now),
    concurrency: new Concurrency(1000),
    addressLimits
  })
  const name = (tenant: string) =>
    admission.admit({
      principal: ANONYMOUS,
      tenant,
      tenantLimits: { requestsPerSecond: 1 },
      address: '10.0.0.1',
      model: undefined,
      promptTokens: 1,
      maxTokens: 1,
      isRest: false
    })
  for (let i = 0; i < 8; i++) await name(`t${i}`)
  await assert.rejects(name('t8'), { code: 'RATE_LIMITED', message: /8 requests/ })
  await assert.rejects(name('t0'), { code: 'RATE_LIMITED' })
})
