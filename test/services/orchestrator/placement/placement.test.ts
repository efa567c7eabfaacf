import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CLOSED } from '../../../../services/orchestrator/workers/breaker.ts'
import {
  defaultModel,
  placeAttempt,
  type Candidate,
  type PlacementRequest
} from '../../../../services/orchestrator/placement/placement.ts'

const candidate = (workerKey: string, given: Partial<Candidate> = {}): Candidate => ({
  workerKey,
  mayServe: true,
  notReadyBecause: 'it is not ready',
  loadMs: 0,
  load: 0,
  lastPlacedAt: 0,
  serviceMs: 1000,
  breaker: CLOSED,
  labels: {},
  character: { distrustMs: () => 0 },
  model: { slots: 4, prefillTokensPerSecond: 1000 },
  link: { rttMs: 1 },
  ...given
})

const request = (given: Partial<PlacementRequest> = {}): PlacementRequest => ({
  promptTokens: 100,
  exclude: new Set(),
  cachedTokens: () => 0,
  ...given
})

const chosen = (candidates: Candidate[], given: Partial<PlacementRequest> = {}) => {
  const placement = placeAttempt(candidates, request(given), 0)
  return placement.kind === 'placed' ? placement.chosen.workerKey : placement
}

test('the worker with the least expected time to first token is chosen', () => {
  const slow = candidate('slow', { model: { slots: 4, prefillTokensPerSecond: 100 } })
  const far = candidate('far', { link: { rttMs: 200 } })
  assert.equal(chosen([slow, far, candidate('near')]), 'near')
  assert.equal(chosen([slow, far]), 'far')
})

test('equal workers take turns, and the emptier one comes first', () => {
  assert.equal(
    chosen([candidate('a', { lastPlacedAt: 5 }), candidate('b', { lastPlacedAt: 3 })]),
    'b'
  )
  assert.equal(chosen([candidate('a', { load: 2 }), candidate('b', { load: 1 })]), 'b')
})

test('a cached prefix is worth its prefill, and no more than that', () => {
  const cachedTokens = (key: string) => (key === 'warm' ? 2000 : 0)
  const cold = candidate('cold')
  const prompt = { promptTokens: 2000, cachedTokens }
  assert.equal(chosen([cold, candidate('warm', { load: 3 })], prompt), 'warm')
  // Its slots are taken: a wait of 250 ms against 2 s of prefill.
  assert.equal(chosen([cold, candidate('warm', { load: 4 })], prompt), 'warm')
  // A wait of 5 s against 2 s of prefill.
  const busy = candidate('warm', { load: 4, serviceMs: 20_000 })
  assert.equal(chosen([cold, busy], prompt), 'cold')
})

test('a long prompt goes where the context holds it, or else where it is longest', () => {
  const short = candidate('short', { model: { ...candidate('').model, contextTokens: 4096 } })
  const long = candidate('long', {
    model: { ...candidate('').model, contextTokens: 40_960 },
    link: { rttMs: 300 }
  })
  assert.equal(chosen([short, long]), 'short')
  assert.equal(chosen([short, long], { promptTokens: 9000 }), 'long')
  assert.equal(chosen([short, long], { promptTokens: 90_000 }), 'long')
  const full = candidate('long', { ...long, load: 9 })
  assert.deepEqual(chosen([short, full], { promptTokens: 9000 }), { kind: 'busy' })
  assert.equal(
    chosen([short, candidate('unknown', { load: 1 })], { promptTokens: 9000 }),
    'unknown'
  )
  const counted = { contextTokens: 50_000 }
  const none = placeAttempt([short, long], request(counted), 0)
  assert.match(none.kind === 'ineligible' ? none.reason : '', /context that is long enough/)
})

test('without a free slot a request waits in the queue', () => {
  assert.deepEqual(chosen([candidate('a', { load: 4 }), candidate('b', { load: 9 })]), {
    kind: 'busy'
  })
})

test('what makes a worker ineligible is named', () => {
  const a = candidate('a')
  const cases: [Candidate[], Partial<PlacementRequest>, RegExp][] = [
    [[], {}, /no worker holds/],
    [[a], { exclude: new Set([a]) }, /has failed it/],
    [[candidate('a', { mayServe: false })], {}, /ready/],
    [[a], { labels: { gpu: 'yes' } }, /label gpu=yes/],
    [[candidate('a', { breaker: { kind: 'open', until: 1, openMs: 1 } })], {}, /fails at present/]
  ]
  for (const [candidates, given, reason] of cases) {
    const placement = placeAttempt(candidates, request(given), 0)
    assert.equal(placement.kind, 'ineligible')
    assert.match(placement.kind === 'ineligible' ? placement.reason : '', reason)
  }
})

test('a busy worker that could serve it counts more than one that never could', () => {
  const candidates = [candidate('busy', { load: 4 }), candidate('loading', { mayServe: false })]
  assert.deepEqual(chosen(candidates), { kind: 'busy' })
})

test('the default model is the one that most workers hold, then the first by name', () => {
  assert.equal(
    defaultModel(
      new Map([
        ['b', 1],
        ['a', 1],
        ['c', 2]
      ])
    ),
    'c'
  )
  assert.equal(
    defaultModel(
      new Map([
        ['b', 1],
        ['a', 1]
      ])
    ),
    'a'
  )
  assert.equal(defaultModel(new Map()), null)
})
