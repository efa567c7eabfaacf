/** The task `aggregation`: what it merges and what it splits. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Aggregation } from '../../../../../services/worker/tasks/aggregation/aggregation.ts'
import { splitText } from '../../../../../services/worker/tasks/aggregation/split.ts'

interface Aggregated {
  text: string
  items: Record<string, unknown>[]
  parts: string[]
  count: number
  conflicts: unknown
  sources: unknown
}

async function run(input: object, artifacts: Record<string, string> = {}) {
  const context = {
    signal: new AbortController().signal,
    artifacts: {
      read: async (uri: string) => Buffer.from(artifacts[uri]!),
      keep: () => Promise.reject(new Error('nothing is kept'))
    }
  }
  const { value } = await new Aggregation().run(input, context).next()
  return (value as { output: Aggregated }).output
}

test('what is there twice is there once, and says where it came from', async () => {
  const uri = 'artifact://job-1/t1/more.json'
  const output = await run({ items: ['a', ['b', 'a']], artifacts: [uri] }, { [uri]: '["b", "c"]' })
  assert.deepEqual(output.items, ['a', 'b', 'c'])
  assert.deepEqual(output.sources, [['items.0', 'items.1.1'], ['items.1.0', uri], [uri]])
  assert.equal(output.text, 'a\n\nb\n\nc')
})

test('items with the same key become one, and what contradicts is named', async () => {
  const items = [
    { id: 1, price: 5, color: 'red' },
    { id: 1, price: 6 },
    { id: 1, price: 6, size: 'L' },
    { id: '1', price: 9 },
    { text: 'no key' }
  ]
  const output = await run({ items, by: 'id', strategy: 'majority' })
  assert.deepEqual(output.items[0], { id: 1, price: 6, color: 'red', size: 'L' })
  assert.equal(output.count, 3)
  assert.deepEqual(output.conflicts, [
    {
      key: '1',
      field: 'price',
      values: [
        { value: 5, from: ['items.0'] },
        { value: 6, from: ['items.1', 'items.2'] }
      ]
    }
  ])
  const chosen = async (strategy: string) =>
    (await run({ items, by: 'id', strategy })).items[0]!['price']
  assert.deepEqual(await Promise.all(['first', 'last', 'all'].map(chosen)), [5, 6, [5, 6]])
})

test('a field of an item cannot change what objects are', async () => {
  const items = [JSON.parse('{"id":1,"__proto__":{"x":1}}'), { id: 1, y: 2 }]
  const output = await run({ items, by: 'id' })
  assert.equal(output.items[0]!['x'], undefined)
  assert.equal(({} as { x?: number }).x, undefined)
})

test('a text is cut where a reader would pause, and nothing of it is lost', async () => {
  const text = 'One. Two three.\n\nFour five six. Seven.\n\nEight.'
  const { parts } = await run({ op: 'split', text, part_characters: 24 })
  assert.deepEqual(parts, ['One. Two three.', 'Four five six. Seven.', 'Eight.'])
  const letters = (whole: string) => whole.replaceAll(/\s/g, '')
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', maxLength: 300 }),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 9 }),
      (whole, most, partsMax) => {
        const cut = splitText(whole, most, partsMax)
        assert.equal(letters(cut.join('')), letters(whole))
        assert.ok(cut.length <= partsMax && cut.every((part) => part.isWellFormed()))
      }
    )
  )
})

test('items are grouped and stay whole', async () => {
  const items = Array.from({ length: 10 }, (_, i) => `ticket ${i} `.padEnd(30, '.'))
  const { parts, items: groups } = await run({ op: 'split', items, part_characters: 95 })
  assert.deepEqual(groups.flat(), items)
  assert.equal(parts.length, 4)
  const few = await run({ op: 'split', items, part_characters: 30, max_parts: 2 })
  assert.equal(few.count, 2)
})

test('what is no artifact is refused', async () => {
  await assert.rejects(run({ artifacts: ['/etc/passwd'] }), { code: 'VALIDATION_FAILED' })
})
