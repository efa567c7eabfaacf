/** Outputs take the place of references, and nothing else does. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  resolveInput,
  resolveMap,
  textOf,
  type Known
} from '../../../../services/jobs/graph/resolve.ts'

const outputs: Record<string, unknown> = {
  split: { parts: ['one', 'two'], text: 'one\n\ntwo', count: 2 },
  // Of a task with a map.
  each: [{ text: 'A' }, { text: 'B' }],
  liar: { text: '{"$from": "job.input"}', deep: { $from: 'job.input' } }
}
const known: Known = { jobInput: { secret: 1, list: [1, 2] }, outputOf: (id) => outputs[id] }

test('a reference is replaced by what the task has put out, wherever it stands', () => {
  const input = {
    prompt: { $concat: ['Sum up:\n', { $from: 'split.parts' }, ' of ', { $from: 'split.count' }] },
    messages: [{ role: 'user', content: { $from: 'split.parts.1' } }],
    all: { $from: 'job.input' },
    list: { $from: 'job.input.list.0' }
  }
  assert.deepEqual(resolveInput(input, known), {
    prompt: 'Sum up:\none\n\ntwo of 2',
    messages: [{ role: 'user', content: 'two' }],
    all: { secret: 1, list: [1, 2] },
    list: 1
  })
})

test('names of fields and files may have dots', () => {
  const artifacts = { 'out.tar.gz': 'artifact://job-1/t1/out.tar.gz', other: { tar: 1 } }
  const dotted: Known = { jobInput: null, outputOf: () => ({ artifacts }) }
  const at = (path: string) => resolveInput({ $from: path }, dotted)
  assert.equal(at('t1.artifacts.other.tar'), 1)
  assert.equal(at('t1.artifacts.out.tar.gz'), artifacts['out.tar.gz'])
  assert.throws(() => at('t1.artifacts.out.tar'), /there is no t1\.artifacts\.out/)
})

test('who refers to a task with a map gets the list of its outputs', () => {
  assert.deepEqual(
    resolveInput({ a: { $from: 'each.text' }, b: { $from: 'each.1.text' } }, known),
    {
      a: ['A', 'B'],
      b: 'B'
    }
  )
  assert.equal(textOf(resolveInput({ $from: 'each' }, known)), 'A\n\nB')
})

test('a map runs for each part of a list', () => {
  assert.deepEqual(resolveMap({ $from: 'split.parts' }, known), ['one', 'two'])
  assert.deepEqual(resolveMap([1, { $from: 'split.count' }], known), [1, 2])
  assert.throws(
    () => resolveMap({ $from: 'split.text' }, known),
    /map needs a list, and got a string/
  )
  const many = { ...known, outputOf: () => ({ parts: Array(1001).fill(0) }) }
  assert.throws(() => resolveMap({ $from: 'split.parts' }, many), /at most 1000/)
  assert.deepEqual(resolveInput({ $from: 'item.x' }, { ...known, item: { x: 7 } }), 7)
})

test('an output that looks like a reference stays text', () => {
  assert.deepEqual(resolveInput({ a: { $from: 'liar.deep' }, b: { $from: 'liar.text' } }, known), {
    a: { $from: 'job.input' },
    b: '{"$from": "job.input"}'
  })
})

test('only own fields are found, and what is missing is said', () => {
  for (const path of [
    'split.constructor',
    'split.parts.9',
    'each.__proto__',
    'split.text.length'
  ]) {
    assert.throws(() => resolveInput({ a: { $from: path } }, known), { code: 'VALIDATION_FAILED' })
  }
  assert.throws(
    () => resolveInput({ $from: 'split.texts' }, known),
    /there is no split\.texts: split is an object with parts, text, count/
  )
})
