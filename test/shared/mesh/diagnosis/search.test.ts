import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { ContactFacts, NetworkFacts, Reason } from '#shared/mesh/diagnosis/diagnose.ts'
import { Search } from '#shared/mesh/diagnosis/search.ts'

const nobody: ContactFacts = { found: 0, failures: [], relays: 0, clockAheadMs: null }
const reachable: NetworkFacts = {
  ipv4: '10.0.0.2',
  ipv6: null,
  dhtMs: 30,
  otherUdp: false,
  tcp: null,
  host: 'silent',
  nat: 'consistent'
}

/** A search under a clock of its own; `reasons` are those that were told, and when. */
function searching(t: TestContext, network: NetworkFacts, contact: ContactFacts) {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
  let clockMs = 0
  const reasons: [Reason, number][] = []
  const search = new Search({
    mesh: { contact: () => contact },
    role: 'registry',
    address: { reach: 'public', bootstrap: [] },
    onDiagnosis: ({ reason }) => reasons.push([reason, clockMs]),
    probe: async () => network,
    now: () => clockMs
  })
  t.after(() => search.stop())
  search.start()
  const pass = async (ms: number) => {
    for (const until = clockMs + ms; clockMs < until; clockMs += 100) {
      t.mock.timers.tick(100)
      await Promise.resolve()
      await Promise.resolve()
    }
  }
  return { search, reasons, pass }
}

test('blocked UDP is told as soon as it is known, and once', async (t) => {
  const { reasons, pass } = searching(t, { ...reachable, dhtMs: null, tcp: true }, nobody)
  await pass(30_000)
  assert.equal(reasons.length, 1)
  assert.equal(reasons[0]![0], 'udpBlocked')
  assert.ok(reasons[0]![1] < 1500)
})

test('a mesh is off only when a lookup had its time, and within 5 s', async (t) => {
  const { reasons, pass } = searching(t, reachable, nobody)
  await pass(2500)
  assert.deepEqual(reasons, [])
  await pass(1500)
  assert.equal(reasons[0]?.[0], 'meshOff')
})

test('a refusal is told at once', async (t) => {
  const failures = [{ code: 'WRONG_MESH', message: 'no' }]
  const { reasons, pass } = searching(t, reachable, { ...nobody, found: 1, failures })
  await pass(300)
  assert.equal(reasons[0]?.[0], 'refused')
})

test('a search that ended says nothing more', async (t) => {
  const { search, reasons, pass } = searching(t, reachable, nobody)
  search.stop()
  await pass(10_000)
  assert.deepEqual(reasons, [])
})
