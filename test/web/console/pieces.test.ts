/** The parts of the console that decide, without a browser. */
import type { RequestDetailBody } from '../../../web/console/src/mesh/bodies.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ACTS } from '#shared/contracts/http/admin/acts.ts'
import { ACTIONS, fillPath } from '../../../web/console/src/mesh/actions.ts'
import { niceTop, pathOf } from '../../../web/console/src/view/chart-shape.ts'
import { applyEvent, EMPTY_FEED, ENDED_MAX, type Feed } from '../../../web/console/src/view/feed.ts'
import {
  ago,
  amount,
  bytes,
  counted,
  parameterCount,
  partOf,
  percent,
  span
} from '../../../web/console/src/view/figures.ts'
import { addSample, NO_HISTORY, SAMPLES_MAX } from '../../../web/console/src/view/history.ts'
import { joinLine, newcomer } from '../../../web/console/src/view/join-line.ts'
import { changedLimits, limitsText, readAmount } from '../../../web/console/src/view/limits.ts'
import { mergeRows, requestsPath } from '../../../web/console/src/view/request-list.ts'
import { linkTo, readRoute, SCREENS } from '../../../web/console/src/view/route.ts'
import { daysOf, rangeOf } from '../../../web/console/src/view/usage-range.ts'
import { firstTokenOf, sumsOf, verdictOf } from '../../../web/console/src/view/verdict.ts'
import { waterfall } from '../../../web/console/src/view/waterfall.ts'

const KEY = 'a1'.repeat(32)
const worker = (id: string, more: object = {}) => ({
  id,
  host: 'studio',
  version: '1',
  state: 'ready',
  path: 'local',
  rtt_ms: 1,
  models: [],
  slots: 4,
  running: 1,
  waiting: 0,
  warnings: [],
  ...more
})
const feedOf = (...events: readonly (readonly [string, unknown])[]): Feed =>
  events.reduce((feed, [event, data]) => applyEvent(feed, event, data), EMPTY_FEED)

test('figures read as people write them', () => {
  assert.equal(bytes(0), '0 B')
  assert.equal(bytes(2_480_000_000), '2.5 GB')
  assert.equal(bytes(64e9), '64 GB')
  assert.equal(partOf(1e9, 2.5e9), '1 of 2.5 GB')
  assert.equal(partOf(4e8, 2.5e9), '400 MB of 2.5 GB')
  assert.equal(amount(999), '999')
  assert.equal(amount(12_400), '12.4k')
  assert.equal(amount(3_100_000), '3.1M')
  assert.equal(parameterCount(4_020_000_000), '4.02B')
  assert.deepEqual([0.2, 84, 4321, 59_000, 600_000, 7_200_000, 300_000_000].map(span), [
    '<1 ms',
    '84 ms',
    '4.3 s',
    '59 s',
    '10 min',
    '2 h',
    '3 days'
  ])
  assert.equal(ago(1000, 2000), 'just now')
  assert.equal(ago(0, 90_000), '90 s ago')
  assert.equal(counted(1, 'machine'), '1 machine')
  assert.equal(counted(2, 'thing needs', 'things need'), '2 things need')
  assert.equal(percent(1, 0), 0)
  assert.equal(percent(5, 4), 100)
})

test('an address names a screen, a thing and filters, and comes back the same', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...SCREENS),
      fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
      fc.dictionary(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), {
        noNullPrototype: true
      }),
      (screen, id, filters) => {
        const expected = id === undefined ? { screen, filters } : { screen, id, filters }
        assert.deepEqual(readRoute(linkTo(screen, id, filters)), expected)
      }
    ),
    { numRuns: 100 }
  )
  for (const hash of ['', '#', '#/', '#/nowhere', '#/%E0%A4%A', '#/?a=b']) {
    assert.equal(readRoute(hash).screen, 'status', hash)
  }
})

test('each event carries the whole of its thing, and the last one counts', () => {
  const feed = feedOf(
    ['worker', worker(KEY)],
    ['worker', worker(KEY, { running: 3 })],
    ['worker', worker('b2')],
    ['worker_gone', { id: 'b2' }],
    ['queue', { running: 3, waiting: 2, models: [] }],
    ['from a newer mesh', { any: 'thing' }],
    ['ready', {}]
  )
  assert.ok(feed.isReady)
  assert.deepEqual([...feed.workers.keys()], [KEY])
  assert.equal(feed.workers.get(KEY)?.running, 3)
  assert.equal(feed.queue?.waiting, 2)
})

test('ended requests stand newest first, each once, and not without end', () => {
  let feed = EMPTY_FEED
  for (let i = 0; i < ENDED_MAX + 20; i++) feed = applyEvent(feed, 'request', { id: `r${i}` })
  feed = applyEvent(feed, 'request', { id: `r${ENDED_MAX}` })
  assert.equal(feed.ended.length, ENDED_MAX)
  assert.equal(feed.ended[0]?.id, `r${ENDED_MAX}`)
  assert.equal(new Set(feed.ended.map(({ id }) => id)).size, ENDED_MAX)
})

test('the history of a page has a bound, and forgets machines that are gone', () => {
  const full = feedOf(['worker', worker(KEY)], ['worker', worker('b2', { running: 2 })])
  const history = addSample(NO_HISTORY, full)
  assert.equal(history.all[0]?.running, 3)
  assert.deepEqual([...history.workers.keys()], [KEY, 'b2'])
  let later = history
  for (let i = 0; i < SAMPLES_MAX + 5; i++) {
    later = addSample(later, feedOf(['worker', worker(KEY)]))
  }
  assert.deepEqual([...later.workers.keys()], [KEY])
  assert.equal(later.all.length, SAMPLES_MAX)
})

test('one sentence says how it stands, and what needs a person comes first', () => {
  const glance = (more: object) => ({
    needs: [],
    workers: { total: 2, ready: 2, paused: 0, failed: 0 },
    models: { ready: 1, loadable: 0 },
    ...more
  })
  assert.equal(verdictOf(glance({})).sentence, 'Everything is running.')
  const needs = [{ message: 'Redis is away' }]
  assert.deepEqual(verdictOf(glance({ needs })), { tone: 'bad', sentence: '1 thing needs you.' })
  const none = { total: 0, ready: 0, paused: 0, failed: 0 }
  assert.equal(verdictOf(glance({ workers: none })).sentence, 'No machine has joined yet.')
  const paused = { total: 2, ready: 0, paused: 2, failed: 0 }
  assert.equal(verdictOf(glance({ workers: paused })).sentence, 'All machines are paused.')
  const empty = { ready: 0, loadable: 0 }
  assert.equal(verdictOf(glance({ models: empty })).sentence, 'No model is ready yet.')
})

test('the first token of a day is weighed by requests, and the slowest machine counts', () => {
  const today = (requests: number, p50: number, p95: number) => ({
    today: {
      requests,
      stopped: 1,
      failed: 2,
      prompt_tokens: 10,
      completion_tokens: 5,
      first_token_p50_ms: p50,
      first_token_p95_ms: p95
    }
  })
  assert.deepEqual(firstTokenOf([today(30, 100, 200), today(10, 500, 900), {}]), {
    p50Ms: 200,
    p95Ms: 900
  })
  assert.deepEqual(firstTokenOf([{}]), {})
})

test('the sums of a day have failures that no machine has seen, and stops apart', () => {
  const row = { key: '', requests: 3, errors: 1, prompt_tokens: 10, completion_tokens: 5 }
  const cached = { cached_prompt_tokens: 2 }
  assert.deepEqual(
    sumsOf([
      { ...row, ...cached },
      { ...row, ...cached, stopped: 2 }
    ]),
    {
      requests: 6,
      failed: 2,
      stopped: 2,
      promptTokens: 20,
      completionTokens: 10
    }
  )
})

const detail = (more: object): RequestDetailBody =>
  ({
    id: 'u1',
    attempts_made: [],
    duration_ms: 1000,
    queue_ms: 100,
    prefill_ms: 200,
    decode_ms: 600,
    ...more
  }) as unknown as RequestDetailBody
const short = (key: string) => key.slice(0, 2)

test('a waterfall shows what was lost and what went on in its place', () => {
  const attempts = [
    {
      worker: KEY,
      started_ms: 100,
      first_item_ms: 150,
      ended_ms: 400,
      outcome: 'failed',
      code: 'WORKER_LOST'
    },
    { worker: 'b2', started_ms: 410, ended_ms: 430, outcome: 'refused' },
    { worker: 'c3', started_ms: 430, first_item_ms: 500, ended_ms: 1000, outcome: 'answered' }
  ]
  const bars = waterfall(detail({ attempts_made: attempts }), short)
  assert.deepEqual(
    bars.map(({ kind, row, fromMs, toMs }) => [kind, row, fromMs, toMs]),
    [
      ['wait', 'Queue', 0, 100],
      ['read', 'Attempt 1 on a1', 100, 150],
      ['lost', 'Attempt 1 on a1', 150, 400],
      ['lost', 'Attempt 2 on b2', 410, 430],
      ['read', 'Attempt 3 on c3', 430, 500],
      ['write', 'Attempt 3 on c3', 500, 1000]
    ]
  )
  assert.equal(bars[2]?.text, 'failed (WORKER_LOST)')
})

test('when its attempts are forgotten, a waterfall is drawn from the books', () => {
  const bars = waterfall(detail({ worker: KEY }), short)
  assert.deepEqual(
    bars.map(({ kind, fromMs, toMs }) => [kind, fromMs, toMs]),
    [
      ['wait', 0, 100],
      ['read', 100, 300],
      ['write', 300, 900]
    ]
  )
  assert.deepEqual(waterfall(detail({ queue_ms: 0 }), short), [])
})

test('lists of requests: filters become a query, and a live row stands once', () => {
  assert.equal(requestsPath({}), 'v1/admin/requests')
  assert.equal(
    requestsPath({ status: 'failed', tenant: 'a b', other: 'x' }, 'next'),
    'v1/admin/requests?status=failed&tenant=a+b&after=next'
  )
  const row = (id: string, at: number, status = 'ok') =>
    ({ id, started_at: at, status }) as unknown as Feed['ended'][number]
  const merged = mergeRows(
    [row('a', 3, 'ok')],
    [row('b', 4), row('a', 3, 'running')],
    [row('c', 1)]
  )
  assert.deepEqual(
    merged.map(({ id, status }) => [id, status]),
    [
      ['b', 'ok'],
      ['a', 'ok'],
      ['c', 'ok']
    ]
  )
})

test('limits are read as people write them, and only what differs is sent', () => {
  assert.equal(readAmount(' 20k '), 20_000)
  assert.equal(readAmount('1.5M'), 1_500_000)
  assert.equal(readAmount(''), null)
  for (const wrong of ['-1', '0', 'many', '1e9', '20 k']) assert.equal(readAmount(wrong), undefined)
  const before = { requests_per_minute: 60, tokens_per_day: 1000 }
  assert.deepEqual(
    changedLimits(before, { requests_per_minute: 60, tokens_per_day: null, concurrent: 4 }),
    [
      { name: 'concurrent', before: undefined, after: 4 },
      { name: 'tokens_per_day', before: 1000, after: null }
    ]
  )
  assert.equal(limitsText(before), '60 requests/min · 1k tokens/day')
})

test('spans of usage are whole days in UTC', () => {
  const now = Date.UTC(2026, 10, 28, 13)
  assert.equal(daysOf(rangeOf('month', now)).length, 28)
  assert.equal(daysOf(rangeOf('last-month', now))[0], '2026-10-01')
  assert.equal(daysOf(rangeOf('last-month', now)).length, 31)
  assert.deepEqual(daysOf(rangeOf('7', now)).slice(-1), ['2026-11-28'])
  assert.equal(daysOf(rangeOf('30', now)).length, 30)
  assert.equal(daysOf(rangeOf('last-month', Date.UTC(2027, 0, 2)))[0], '2026-12-01')
})

test('a chart has a round top above all values, and its line stays inside', () => {
  assert.equal(niceTop([]), 1)
  assert.equal(niceTop([0, 0]), 1)
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 1e12 }), { minLength: 2, maxLength: 50 }), (values) => {
      const top = niceTop(values)
      assert.ok(top >= Math.max(...values))
      const path = pathOf(values, { width: 100, height: 20, top, isArea: false })
      for (const [, x, y] of path.matchAll(/([\d.]+),([\d.]+)/g)) {
        assert.ok(Number(x) <= 100 && Number(y) >= 1 && Number(y) <= 19, path)
      }
    })
  )
})

test('the line to paste is safe in a shell, and the newcomer is who was not there', () => {
  assert.equal(joinLine('haif_x', ''), 'haif join haif_x')
  assert.equal(joinLine('haif_x', 'hf:a/b:Q4'), 'haif join haif_x --model hf:a/b:Q4')
  assert.match(joinLine('haif_x', "a'; rm -rf /"), /--model 'a'\\''; rm -rf \/'$/)
  const { workers } = feedOf(['worker', worker(KEY)], ['worker', worker('b2')])
  assert.equal(newcomer(workers, new Set([KEY]))?.id, 'b2')
  assert.equal(newcomer(workers, new Set([KEY, 'b2'])), undefined)
})

test('the console, the command line and HTTP do the same under the same name', () => {
  const acts: Record<string, { http: string; cli: string }> = ACTS
  for (const [name, { method, path, command }] of Object.entries(ACTIONS)) {
    assert.deepEqual(
      { http: `${method} ${path}`, cli: command.replace('haif ', '') },
      acts[name],
      name
    )
  }
})

test('every action has an address and the command that does the same', () => {
  for (const [name, { path, command }] of Object.entries(ACTIONS)) {
    assert.match(path, /^\/v1\//, name)
    assert.match(command, /^haif [a-z ]+$/, name)
  }
  assert.equal(
    fillPath('/v1/admin/tokens/:id/rotate', { id: 'a/b' }),
    'v1/admin/tokens/a%2Fb/rotate'
  )
})
