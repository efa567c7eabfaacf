/** The mesh as operators see it: views of the registry's snapshot, queues, and what has changed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RequestRow } from '#shared/contracts/http/admin/requests.ts'
import type { Snaked } from '#shared/contracts/http/admin/snaked.ts'
import type { WorkerView } from '#shared/contracts/http/admin/workers.ts'
import type { MeshSnapshot, PeerEntry, WorkerModel } from '#shared/contracts/peers/peers.ts'
import { pageOf } from '../../../../services/gateway/operating/page.ts'
import { together } from '../../../../services/gateway/operating/queues.ts'
import {
  meshView,
  modelViews,
  peerView,
  workerViews
} from '../../../../services/gateway/operating/views.ts'
import { Seen, type Look } from '../../../../services/gateway/operating/watch.ts'
import { workerNamed } from '../../../../services/gateway/operating/worker-named.ts'

const key = (letter: string) => letter.repeat(64)
const link = { path: 'lan' as const, rttMs: 1 }
const model = (name: string, more: Partial<WorkerModel> = {}): WorkerModel => ({
  name,
  state: 'ready',
  engine: 'sim',
  slots: 2,
  running: 1,
  waiting: 0,
  prefillTokensPerSecond: 0,
  decodeTokensPerSecond: 0,
  ...more
})
const worker = (letter: string, models: WorkerModel[], more: object = {}): PeerEntry => ({
  key: key(letter),
  role: 'worker',
  name: `box-${letter}`,
  host: 'host',
  version: '1',
  ...link,
  worker: { models, draining: false, ...more }
})
const snapshot: MeshSnapshot = {
  now: 5,
  peers: [
    worker('a', [model('m'), model('n', { state: 'failed', error: 'no room' })]),
    worker('b', [model('m', { state: 'loading' })], { draining: true, paused: true }),
    worker('c', [], { labels: { gpu: 'no' } }),
    {
      key: key('d'),
      role: 'orchestrator',
      host: 'host',
      version: '0',
      ...link,
      heldAgainst: [{ worker: key('a'), reason: 'it was slow' }]
    }
  ],
  models: []
}
const here = { version: '1', tokensNeeded: false }

test('a worker has one state, and what others hold against it stands with it', () => {
  const [a, b, c] = workerViews(snapshot)
  assert.deepEqual([a!.state, b!.state, c!.state], ['ready', 'paused', 'empty'])
  assert.deepEqual(a!.warnings, ['it was slow'])
  assert.deepEqual([a!.slots, a!.running], [4, 2])
  assert.deepEqual(c!.labels, { gpu: 'no' })
})

test('the mesh says what needs a person: failed models, other versions, what is held against', () => {
  const { needs, workers, slots, total } = meshView(snapshot, here, 2)
  assert.deepEqual(
    needs.map(({ message }) => message),
    ['n failed to load: no room', 'it was slow', 'this orchestrator runs HAIF 0, the gateway 1']
  )
  assert.deepEqual(workers, { total: 3, ready: 1, paused: 1, failed: 0 })
  assert.deepEqual(slots, { total: 6, running: 3, waiting: 0 })
  assert.equal(total, 4)
})

test('a model is listed with every worker that has it, in whatever state', () => {
  const [m, n] = modelViews(snapshot, 'm')
  assert.deepEqual(
    m!.workers.map(({ worker, state, name }) => [worker[0], state, name]),
    [
      ['a', 'ready', 'box-a'],
      ['b', 'loading', 'box-b']
    ]
  )
  assert.deepEqual([m!.default, n!.default, m!.engine], [true, false, 'sim'])
})

test('a worker is meant by its key, a beginning that only one has, or its name', () => {
  const workers = workerViews(snapshot)
  assert.equal(workerNamed('box-b', workers).id, key('b'))
  assert.equal(workerNamed('aaaa', workers).id, key('a'))
  const twins = [...workers, { ...workers[0]!, id: `${key('a').slice(1)}0` }]
  assert.throws(() => workerNamed('aaaa', twins), /2 workers are meant by aaaa/)
  assert.throws(() => workerNamed('nobody', workers), /there are box-a \(aaaaaaaa\)/)
})

test('pages go on behind the last of the page before, also when that one has gone', () => {
  const all = ['c', 'a', 'd', 'b'].map((id) => ({ id }))
  const first = pageOf(all, { limit: 2 })
  assert.deepEqual(first, { items: [{ id: 'a' }, { id: 'b' }], next: 'b' })
  const left = all.filter(({ id }) => id !== 'b')
  assert.deepEqual(pageOf(left, { limit: 2, after: 'b' }).items, [{ id: 'c' }, { id: 'd' }])
})

test('queues of several orchestrators add up, but every one of them counts the same slots', () => {
  const asked = { tenant: 't', model: 'm', priority: 'batch' as const, weight: 1, attempts: 0 }
  const old = { ...asked, requestId: 'old', ageMs: 9 }
  const view = {
    models: [{ model: 'm', running: 1, waiting: 1, slots: 4 }],
    running: 1,
    waiting: 1
  }
  const sum = together([
    { ...view, requests: [{ ...asked, requestId: 'runs', ageMs: 5, worker: key('a') }] },
    { ...view, requests: [old], defaultModel: 'm' }
  ])
  assert.deepEqual(sum.models, [{ model: 'm', running: 2, waiting: 2, slots: 4 }])
  assert.deepEqual(
    sum.requests.map(({ requestId }) => requestId),
    ['old', 'runs']
  )
  assert.equal(sum.defaultModel, 'm')
})

test('a reader is told what has changed since it was told last, and nothing twice', () => {
  const request = { id: 'r1' } as RequestRow
  const look = (peers = snapshot.peers, requests = [request]): Look => ({
    mesh: meshView({ ...snapshot, peers }, here, 10),
    peers: peers.filter((peer) => peer.worker === undefined).map(peerView),
    workers: workerViews({ ...snapshot, peers }),
    queue: { running: 0, waiting: 0, models: [], requests: [] },
    requests
  })
  const seen = new Seen()
  const kinds = (...args: Parameters<Seen['changes']>) =>
    [...seen.changes(...args)].map(({ event }) => event)
  assert.deepEqual(kinds(look(), true), ['mesh', 'peer', 'worker', 'worker', 'worker', 'queue'])
  assert.deepEqual(kinds(look()), [])
  const slower = snapshot.peers.map((peer) => ({ ...peer, rttMs: 2, sentBytes: 9 }))
  assert.deepEqual(kinds(look(slower)), [], 'a round trip alone is no news')
  const next = [request, { ...request, id: 'r2' }]
  assert.deepEqual(kinds(look(snapshot.peers, next)), ['request'])
  const left = snapshot.peers.filter(({ name }) => name !== 'box-c')
  assert.deepEqual(kinds(look(left, next)), ['mesh', 'workerGone'])
})

test('an HTTP body has the fields of its message in snake_case', () => {
  const body: Pick<Snaked<WorkerView>, 'memory_budget'> = {
    memory_budget: { ram_bytes: 1, vram_bytes: 2 }
  }
  assert.deepEqual(Object.keys(body), ['memory_budget'])
})
