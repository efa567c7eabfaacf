import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import { Writable } from 'node:stream'
import { pino } from 'pino'
import { silentLogger } from '#shared/process/log.ts'
import { RedisState } from '#shared/store/redis-state.ts'
import type { Draw, SharedState } from '#shared/store/shared-state.ts'
import { atEnd } from '../../helpers/peers/peers.ts'
import { NO_REDIS, TestRedis } from '../../helpers/stores/redis.ts'
import { until } from '../../helpers/until.ts'
import { patience } from '../../helpers/deadline.ts'

const perMinute = (max: number, amount = 1): Draw => ({
  key: 'tenant/rpm',
  amount,
  max,
  kind: 'sliding',
  windowMs: 60_000
})

test('state shared through Redis', { skip: NO_REDIS }, async (t) => {
  const redis = new TestRedis()
  await redis.start()
  atEnd(t, () => redis.stop())

  await t.test('two processes never grant more than one limit', async (t) => {
    const states = await startStates(t, redis, 2)
    const asked = Array.from({ length: 200 }, (_, i) => states[i % 2]!.draw([perMinute(60)]))
    const granted = (await Promise.all(asked)).filter((result) => result.granted)
    assert.equal(granted.length, 60)
    const refused = await states[0].draw([perMinute(60)])
    assert.ok(!refused.granted)
    assert.ok(refused.retryAfterMs! > 50_000 && refused.retryAfterMs! <= 62_000)
    assert.equal(refused.states[0]!.used, 60)
  })

  await t.test(
    'takes from all limits or none, settles, and counts a calendar period',
    async (t) => {
      const [state] = await startStates(t, redis, 1)
      const day: Draw = { key: 'day', amount: 60, max: 100, kind: 'calendar', windowMs: 30_000 }
      const first = await state.draw([perMinute(10), day])
      assert.ok(first.granted)
      const second = await state.draw([perMinute(10), day])
      assert.ok(!second.granted)
      assert.equal(second.refusedBy, 1)
      assert.ok(second.retryAfterMs! > 20_000 && second.retryAfterMs! <= 30_000)
      assert.deepEqual(
        second.states.map(({ used }) => used),
        [1, 60]
      )
      state.settle(day, -50, first.at)
      await until(async () => (await state.draw([perMinute(10), day])).granted)
      const never = await state.draw([perMinute(10, 11)])
      assert.ok(!never.granted)
      assert.equal(never.retryAfterMs, null)
    }
  )

  await t.test('lets in so many at the same time, over all processes', async (t) => {
    const [one, other] = await startStates(t, redis, 2)
    const places = [await one.enter('tenant', 3), await other.enter('tenant', 3)]
    const third = await one.enter('tenant', 3)
    assert.ok(third !== null && places.every((place) => place !== null))
    assert.equal(await other.enter('tenant', 3), null)
    third.leave()
    third.leave()
    await until(async () => (await other.enter('tenant', 3)) !== null)
    assert.equal(await one.enter('tenant', 3), null)
  })

  await t.test('tells events to every process', async (t) => {
    const [one, other] = await startStates(t, redis, 2)
    const heard: string[] = []
    await one.subscribe('revoked', { onMessage: (text) => heard.push(`one ${text}`) })
    await other.subscribe('revoked', { onMessage: (text) => heard.push(`other ${text}`) })
    one.publish('revoked', 'token-1')
    await until(() => heard.length === 2)
    assert.deepEqual(heard.toSorted(), ['one token-1', 'other token-1'])
  })

  await t.test(
    'killed and started again: limits by share, events again, one line each',
    async (t) => {
      const lines: string[] = []
      const states = await startStates(t, redis, 2, lines)
      const [one, other] = states
      await until(() => one.replicas === 2 && other.replicas === 2)
      const reconnected = new Set<number>()
      const heard: string[] = []
      for (const [i, state] of states.entries()) {
        await state.subscribe('events', {
          onMessage: (text) => heard.push(text),
          onReconnect: () => reconnected.add(i)
        })
      }
      for (let i = 0; i < 20; i++) assert.ok((await states[i % 2]!.draw([perMinute(60)])).granted)
      redis.freeze() // so that a command is under way when it dies
      const [place] = await Promise.all([one.enter('tenant', 2), redis.kill()])
      await until(() => !one.isShared && !other.isShared)

      // 40 are left, so each of the two grants 20 and no more.
      for (const state of states) {
        let granted = 0
        while ((await state.draw([perMinute(60)])).granted) granted++
        assert.ok(granted >= 19 && granted <= 21, `${granted} granted`)
      }
      assert.equal(place === null, false)
      one.publish('events', 'while away')
      await until(() => heard.includes('while away'))

      await redis.start()
      await until(() => one.isShared && other.isShared)
      await until(() => reconnected.size === 2)
      other.publish('events', 'again')
      await until(() => heard.filter((text) => text === 'again').length === 2)
      const losses = lines.filter((line) => line.includes('Redis cannot be used now'))
      assert.equal(losses.length, 2, losses.join(''))
      assert.equal(lines.filter((line) => line.includes('Redis can be used again')).length, 2)
    }
  )

  await t.test('a Redis that hangs is not waited for', async (t) => {
    const [state] = await startStates(t, redis, 1)
    redis.freeze()
    try {
      // The first waits for the time that a command may take, all others not at all.
      const before = performance.now()
      for (let i = 0; i < 50; i++) assert.ok((await state.draw([perMinute(60)])).granted)
      assert.ok(performance.now() - before < patience(5000))
    } finally {
      redis.thaw()
    }
    await until(() => state.isShared)
  })
})

test('without Redis at the start it begins with what it does without', async (t) => {
  const state = new RedisState({
    url: 'redis://127.0.0.1:1',
    namespace: 'test',
    log: silentLogger()
  })
  atEnd(t, () => state.stop())
  await state.start()
  assert.equal(state.isShared, false)
  assert.ok((await state.draw([perMinute(1)])).granted)
  assert.equal((await state.draw([perMinute(1)])).granted, false)
})

async function startStates(
  t: TestContext,
  { url }: TestRedis,
  count: number,
  lines: string[] = []
): Promise<[SharedState, SharedState]> {
  const namespace = randomBytes(4).toString('hex')
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString())
      done()
    }
  })
  const states = Array.from(
    { length: count },
    () => new RedisState({ url, namespace, log: pino({ level: 'info' }, sink) })
  )
  for (const state of states) {
    atEnd(t, () => state.stop())
    await state.start()
    assert.ok(state.isShared)
  }
  return states as unknown as [SharedState, SharedState]
}
