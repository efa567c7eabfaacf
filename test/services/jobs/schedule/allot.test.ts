import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { allot, type Lane, type Place } from '../../../../services/jobs/schedule/allot.ts'
import { suitsAt, type Needs } from '../../../../services/jobs/schedule/needs.ts'
import { choosePreempted } from '../../../../services/jobs/schedule/preempt.ts'

const lane = (tenant: string, more: Partial<Lane> = {}): Lane => ({
  tenant,
  needsKey: 'k',
  needs: { type: 'tool_execution' },
  priority: 'standard',
  rank: 0,
  ...more
})

/** Takes tasks that ask for its region, and those that ask for none. */
const place = (key: string, free: number): Place => ({
  key,
  free,
  lacks: ({ region = key }) => (region === key ? null : `a worker in ${region}`)
})

const at = (region: string) => ({ needs: { type: 'tool_execution', region } }) as const
const anyNumber = { running: new Map<string, number>(), runningMax: () => Infinity }

const counts = (names: readonly string[]) =>
  Object.fromEntries(
    Map.groupBy(names, (name) => name)
      .entries()
      .map(([k, v]) => [k, v.length])
  )

test('J13: places go to tenants in turn, the one with the least running first', () => {
  const lanes = [lane('a'), lane('b'), lane('c')]
  const running = new Map([['a', 3]])
  const { grants } = allot({ ...anyNumber, lanes, places: [place('p', 7)], running })
  assert.deepEqual(counts(grants.map(({ lane: { tenant } }) => tenant)), { a: 1, b: 3, c: 3 })
})

test('J13: a tenant of twice the weight gets twice as many places', () => {
  const lanes = [lane('a'), lane('b')]
  const weightOf = (tenant: string) => (tenant === 'b' ? 2 : 1)
  const { grants } = allot({ ...anyNumber, lanes, places: [place('p', 9)], weightOf })
  assert.deepEqual(counts(grants.map(({ lane: { tenant } }) => tenant)), { a: 3, b: 6 })
})

test('of the places that fit, those come first that have built its packages, then the freest', () => {
  const packages = 'e'.repeat(32)
  const facts = { types: [], gpu: false, models: [] }
  const built = { ...facts, key: 'built', environments: [packages] }
  const ready = { ...place('built', 1), suits: (needs: Needs) => suitsAt(needs, built) }
  const lanes = [lane('a', { needs: { type: 'function', packages }, tasks: 2 })]
  const { grants } = allot({ ...anyNumber, lanes, places: [place('free', 5), ready] })
  assert.deepEqual(
    grants.map((grant) => grant.place),
    ['built', 'free']
  )
  assert.equal(suitsAt({ type: 'function' }, built), false)
})

test('a lane gets no more places than it has tasks, where one knows how many it has', () => {
  const lanes = [lane('a', { tasks: 2 }), lane('a', { needsKey: 'l', rank: 1, tasks: 1 })]
  const { grants } = allot({ ...anyNumber, lanes, places: [place('p', 7)] })
  assert.deepEqual(counts(grants.map(({ lane: { needsKey } }) => needsKey)), { k: 2, l: 1 })
})

test('J13: no tenant gets more than its quota', () => {
  const runningMax = (tenant: string) => (tenant === 'a' ? 2 : Infinity)
  const running = new Map([['a', 1]])
  const lanes = [lane('a'), lane('b')]
  const { grants } = allot({ lanes, places: [place('p', 5)], running, runningMax })
  assert.deepEqual(counts(grants.map(({ lane: { tenant } }) => tenant)), { a: 1, b: 4 })
})

test('J11: a lane gets only places that fit it, and says what it lacks', () => {
  const lanes = [lane('a', at('x')), lane('b', at('z')), lane('c', at('y'))]
  const places = [place('x', 2), place('y', 0)]
  const { grants, full, lacking } = allot({ ...anyNumber, lanes, places })
  assert.deepEqual(new Set(grants.map((grant) => grant.place)), new Set(['x']))
  assert.deepEqual(
    full.map(({ tenant }) => tenant),
    ['c']
  )
  assert.deepEqual(
    lacking.map(({ lack }) => lack),
    ['a worker in z']
  )
})

test('J12: interactive work comes first, but for whoever has waited longer than its head start', () => {
  const lanes = [
    lane('batch', { priority: 'batch', rank: 500 }),
    lane('old', { priority: 'batch', rank: 50 }),
    lane('now', { priority: 'interactive', rank: 100 })
  ]
  const { grants } = allot({ ...anyNumber, lanes, places: [place('p', 4)] })
  assert.deepEqual(
    grants.map(({ lane: { tenant } }) => tenant),
    ['old', 'now', 'old', 'now']
  )
})

test('no place is given twice, none is left that a lane could use', () => {
  const regions = ['x', 'y', 'z'] as const
  const lanes = fc.array(
    fc.record({ tenant: fc.constantFrom('a', 'b', 'c'), region: fc.constantFrom(...regions) }),
    { maxLength: 8 }
  )
  const frees = fc.array(fc.nat(5), { minLength: 3, maxLength: 3 })
  fc.assert(
    fc.property(lanes, frees, (wanted, free) => {
      const places = regions.map((region, i) => place(region, free[i]!))
      const given = wanted.map(({ tenant, region }) => lane(tenant, at(region)))
      const { grants } = allot({ ...anyNumber, lanes: given, places })
      for (const { key, free: max } of places) {
        const used = grants.filter((grant) => grant.place === key).length
        const isWanted = wanted.some(({ region }) => region === key)
        assert.equal(used, isWanted ? max : 0)
      }
      for (const grant of grants) assert.equal(grant.lane.needs.region, grant.place)
    })
  )
})

test('J14: the batch task that began last gives up a place that fits, and not for ever', () => {
  const run = (at: string, since: number, preemptions = 0, priority = 'batch') =>
    ({ place: at, since, preemptions, priority }) as const
  const full = [lane('a', { ...at('x'), priority: 'interactive' })]
  const places = [place('x', 0), place('y', 0)]
  const runs = [run('x', 1), run('x', 3, 3), run('x', 2), run('y', 9), run('x', 8, 0, 'standard')]
  assert.deepEqual(choosePreempted(full, places, runs), [runs[2]])
  assert.deepEqual(choosePreempted([lane('a', at('x'))], places, runs), [])
})
