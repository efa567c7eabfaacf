import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  HANG_POLICY,
  Heartbeat
} from '../../../../../../services/worker/engines/llama/parent/heartbeat.ts'

/** So many beats of a second, each of which is answered in the same way; null: not at all. */
function beat(heart: Heartbeat, count: number, deafSince: number | null): void {
  for (let i = 0; i < count; i++) {
    heart.beat()
    if (deafSince !== null) heart.answered(deafSince)
  }
}

const quick = () => new Heartbeat(HANG_POLICY, 1000)

test('a process that does not answer hangs, and is not waited for without end', () => {
  const heart = quick()
  beat(heart, 3, null)
  assert.equal(heart.hung, null)
  beat(heart, 1, null)
  assert.match(heart.hung!, /has not answered for 4 s/)
  assert.equal(heart.isOver, false)
  beat(heart, 6, null)
  assert.equal(heart.isOver, true)
})

test('one that answers again has come to itself', () => {
  const heart = quick()
  beat(heart, 9, null)
  heart.answered(0)
  assert.equal(heart.hung, null)
  assert.equal(heart.isOver, false)
})

test('an engine that is stuck in one step hangs although its process answers', () => {
  const heart = quick()
  beat(heart, 20, 77)
  assert.equal(heart.hung, null)
  beat(heart, 1, 77)
  assert.match(heart.hung!, /in one step for 20 s/)
  assert.equal(heart.isOver, false)
  beat(heart, 40, 77)
  assert.equal(heart.isOver, true)
})

test('long steps one after the other are no hang', () => {
  const heart = quick()
  for (let step = 1; step < 20; step++) beat(heart, 15, step)
  assert.equal(heart.hung, null)
})

test('a slow model may take longer for a step, by how slow it was measured', () => {
  const slow = new Heartbeat(HANG_POLICY, 10) // 51 s for a step of 512 tokens
  beat(slow, 500, 1)
  assert.equal(slow.hung, null)
  beat(slow, 100, 1)
  assert.match(slow.hung!, /in one step/)
  assert.equal(slow.isOver, false)
  beat(slow, 1000, 1)
  assert.equal(slow.isOver, true)
})
