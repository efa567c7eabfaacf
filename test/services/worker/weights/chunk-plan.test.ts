/** Which chunk a source fetches next. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ChunkPlan } from '../../../../services/worker/weights/chunk-plan.ts'

test('every chunk is asked of one source, and at the end of a second one, too', () => {
  const plan = new ChunkPlan<string>(3)
  for (const source of ['a', 'b', 'c']) plan.join(source)
  assert.deepEqual([plan.take('a'), plan.take('b'), plan.take('a')], [0, 1, 2])
  assert.equal(plan.take('b'), 0) // the oldest that it does not have itself
  assert.equal(plan.take('c'), 1)
  assert.equal(plan.arrived('b', 0), true)
  assert.equal(plan.arrived('a', 0), false)
  assert.equal(plan.take('c'), 2)
  assert.equal(plan.take('b'), null) // two have it
})

test('a source that fails again and again is out, and one that lies at once', () => {
  const plan = new ChunkPlan<string>(9)
  plan.join('weak')
  plan.join('liar')
  plan.ban('liar', plan.take('liar')!)
  assert.deepEqual([plan.isOut('liar'), plan.take('liar')], [true, null])
  const failures = [1, 2, 3, 4].map(() => plan.failed('weak', plan.take('weak')!))
  assert.deepEqual(failures, [false, false, false, true])
  assert.equal(plan.take('weak'), null)
  assert.equal(plan.take('stranger'), null)
})

test('failures count in a row, and what is given up is nobody’s failure', () => {
  const plan = new ChunkPlan<string>(9)
  plan.join('a')
  for (let i = 0; i < 3; i++) plan.failed('a', plan.take('a')!)
  plan.arrived('a', plan.take('a')!)
  for (let i = 0; i < 3; i++) plan.failed('a', plan.take('a')!)
  for (let i = 0; i < 9; i++) plan.gaveUp('a', plan.take('a')!)
  assert.equal(plan.isOut('a'), false)
})

test('whatever fails and lies, an honest source brings each chunk that is missing once', () => {
  const outcome = fc.constantFrom('arrived', 'failed', 'gaveUp', 'ban')
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.tuple(fc.constantFrom('x', 'y'), outcome), { maxLength: 60 }),
      (chunks, events) => {
        const plan = new ChunkPlan<string>(chunks)
        for (const source of ['x', 'y', 'honest']) plan.join(source)
        plan.isHere(0)
        const counted = new Map<number, number>([[0, 1]])
        const arrive = (source: string, chunk: number) => {
          if (plan.arrived(source, chunk)) counted.set(chunk, (counted.get(chunk) ?? 0) + 1)
        }
        for (const [source, how] of events) {
          const chunk = plan.take(source)
          if (chunk === null) continue
          if (how === 'arrived') arrive(source, chunk)
          else plan[how](source, chunk)
        }
        for (let chunk = plan.take('honest'); chunk !== null; chunk = plan.take('honest')) {
          arrive('honest', chunk)
        }
        assert.equal(plan.isDone, true)
        assert.deepEqual(
          [...counted.values()],
          Array.from({ length: chunks }, () => 1)
        )
      }
    )
  )
})
