/** Which prompts are read in a step. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  sharesOf,
  type WaitingPrompt
} from '../../../../../../../services/worker/engines/llama/child/schedule/prompt-order.ts'

const prompts = (...rests: number[]): WaitingPrompt<number>[] =>
  rests.map((rest, i) => ({ key: i, arrivedAt: i, rest }))

const shares = (tokens: number, ...rests: number[]) => [...sharesOf(prompts(...rests), tokens)]

test('equals are read one after the other', () => {
  assert.deepEqual(shares(100, 350, 350), [[0, 100]])
  assert.deepEqual(shares(400, 350, 350, 350), [
    [0, 350],
    [1, 50]
  ])
})

test('short ones pass a long one, the shortest first, with half of the tokens at most', () => {
  // Whole tiles stay whole, and the short ones come on top.
  assert.deepEqual(shares(128, 4000, 80, 20), [
    [2, 20],
    [1, 44],
    [0, 128]
  ])
  assert.deepEqual(shares(40, 4000, 80, 16), [
    [2, 16],
    [1, 4],
    [0, 20]
  ])
  assert.deepEqual(shares(512, 4000, 20), [
    [1, 20],
    [0, 448]
  ])
})

test('nothing is given twice, nor more than there is', () => {
  assert.deepEqual(shares(1000, 300, 20), [
    [1, 20],
    [0, 300]
  ])
  assert.deepEqual(shares(1, 300, 20), [[0, 1]])
  assert.deepEqual(shares(10), [])
})
