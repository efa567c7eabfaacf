import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Memory } from '#shared/contracts/peers/peers.ts'
import { makeRoom, type Resident } from '../../../../services/worker/memory/make-room.ts'
import { seededRandom } from '../../../helpers/random.ts'

const memory = (ramBytes: number, vramBytes = 0): Memory => ({ ramBytes, vramBytes })

const resident = (name: string, ram: number, given: Partial<Resident> = {}): Resident => ({
  name,
  memory: memory(ram),
  pinned: false,
  busy: false,
  lastUsedAt: 0,
  ...given
})

test('the least recently used go first, and no more of them than needed', () => {
  const residents = [
    resident('new', 4, { lastUsedAt: 3 }),
    resident('old', 4, { lastUsedAt: 1 }),
    resident('small', 1, { lastUsedAt: 0 })
  ]
  assert.deepEqual(makeRoom(memory(1), residents, memory(10)), { kind: 'fits', unload: [] })
  // Unloading the small one first would not have been enough, so it stays.
  assert.deepEqual(makeRoom(memory(5), residents, memory(10)), { kind: 'fits', unload: ['old'] })
  assert.deepEqual(makeRoom(memory(2), residents, memory(10)), { kind: 'fits', unload: ['small'] })
})

test('what has requests is waited for, what is pinned is not', () => {
  const busy = [resident('busy', 8, { busy: true })]
  assert.equal(makeRoom(memory(5), busy, memory(10)).kind, 'wait')
  const pinned = [resident('pinned', 8, { pinned: true })]
  assert.deepEqual(makeRoom(memory(5), pinned, memory(10)), { kind: 'never', most: memory(2) })
})

test('RAM and VRAM are both kept to', () => {
  const residents = [
    resident('ram', 8, { lastUsedAt: 1 }),
    { ...resident('gpu', 0), memory: memory(0, 8), lastUsedAt: 2 }
  ]
  const room = makeRoom(memory(1, 5), residents, memory(10, 10))
  assert.deepEqual(room, { kind: 'fits', unload: ['gpu'] })
})

test('never over the budget, never what is pinned or busy, never in vain', () => {
  const { between } = seededRandom(7)
  const random = { below: (limit: number) => between(0, limit) }
  for (let run = 0; run < 5000; run++) {
    const budget = memory(random.below(40), random.below(20))
    const need = memory(random.below(30), random.below(12))
    const residents = Array.from({ length: random.below(8) }, (_, i) => ({
      name: String(i),
      memory: memory(random.below(15), random.below(8)),
      pinned: random.below(4) === 0,
      busy: random.below(4) === 0,
      lastUsedAt: random.below(5)
    }))
    const room = makeRoom(need, residents, budget)
    const pinned = residents.filter((each) => each.pinned)
    const taken = (by: readonly Resident[], kind: keyof Memory) =>
      by.reduce((sum, each) => sum + each.memory[kind], 0)
    const bound = (kind: keyof Memory) => Math.max(budget[kind], taken(pinned, kind))
    const fitsWith = (stay: readonly Resident[]) =>
      (['ramBytes', 'vramBytes'] as const).every(
        (kind) => taken(stay, kind) + need[kind] <= bound(kind)
      )
    const fixed = residents.filter(({ pinned, busy }) => pinned || busy)
    if (room.kind === 'never') assert.ok(!fitsWith(pinned))
    if (room.kind === 'wait') assert.ok(fitsWith(pinned) && !fitsWith(fixed))
    if (room.kind !== 'fits') continue
    const leaving = new Set(room.unload)
    assert.ok(fixed.every(({ name }) => !leaving.has(name)))
    const stay = residents.filter(({ name }) => !leaving.has(name))
    assert.ok(fitsWith(stay))
    for (const each of residents.filter(({ name }) => leaving.has(name))) {
      assert.ok(!fitsWith([...stay, each]), 'it need not have gone')
    }
  }
})
