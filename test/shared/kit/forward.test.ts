import assert from 'node:assert/strict'
import { test } from 'node:test'
import { close, forward } from '#shared/kit/forward.ts'

/** Counts to `n`, and says in `closed` when it is over. */
function source(n: number, failure?: Error) {
  const seen = { closed: false }
  async function* count(): AsyncGenerator<number, string, void> {
    try {
      for (let i = 1; i <= n; i++) yield i
      if (failure !== undefined) throw failure
      return 'end'
    } finally {
      await Promise.resolve()
      seen.closed = true
    }
  }
  return { stream: count(), seen }
}

async function* hop<Item>(
  stream: AsyncGenerator<Item, string, void>,
  onItem: (item: Item) => Item = (item) => item
): AsyncGenerator<Item, string, void> {
  return yield* forward(stream, onItem)
}

async function readAll<Item>(stream: AsyncGenerator<Item, string, void>) {
  const items: Item[] = []
  for (;;) {
    const { done, value } = await stream.next()
    if (done === true) return { items, end: value }
    items.push(value)
  }
}

test('every item passes through the function, and the end comes as it is', async () => {
  const { stream } = source(3)
  const doubled = await readAll(forward(stream, (n) => `${n * 2}`))
  assert.deepEqual(doubled, { items: ['2', '4', '6'], end: 'end' })
})

test('several hops pass on items and the end', async () => {
  const { stream, seen } = source(2)
  const seenOnTheWay: number[] = []
  const look = (n: number) => {
    seenOnTheWay.push(n)
    return n
  }
  assert.deepEqual(await readAll(hop(hop(stream, look), look)), { items: [1, 2], end: 'end' })
  assert.deepEqual(seenOnTheWay, [1, 1, 2, 2])
  assert.ok(seen.closed)
})

test('a reader that leaves closes the source behind all hops before it goes on', async () => {
  const { stream, seen } = source(10)
  for await (const n of hop(hop(stream))) if (n === 2) break
  assert.ok(seen.closed)
})

test('a reader that leaves closes the source without a generator between them', async () => {
  const { stream, seen } = source(10)
  for await (const n of forward(stream, (item) => item)) if (n === 2) break
  assert.ok(seen.closed)
})

test('a scope that ends closes the source', async () => {
  const { stream, seen } = source(10)
  {
    await using passed = forward(stream, (item) => item)
    await passed.next()
    assert.ok(!seen.closed)
  }
  assert.ok(seen.closed)
})

test('the failure of a source is the failure of the reader', async () => {
  const { stream } = source(1, new Error('lost'))
  await assert.rejects(readAll(hop(stream)), { message: 'lost' })
})

test('a function that throws closes the source and fails the reader', async () => {
  const { stream, seen } = source(3)
  const refused = hop(stream, (n) => {
    if (n === 2) throw new Error('malformed')
    return n
  })
  await assert.rejects(readAll(refused), { message: 'malformed' })
  assert.ok(seen.closed)
})

test('a source that is closed has cleaned up', async () => {
  const { stream, seen } = source(3)
  await stream.next()
  await close(stream)
  assert.ok(seen.closed)
})
