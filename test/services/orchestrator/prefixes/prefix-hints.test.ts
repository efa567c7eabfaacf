import assert from 'node:assert/strict'
import { mock, test, type TestContext } from 'node:test'
import { silentLogger } from '#shared/process/log.ts'
import { MemoryState } from '#shared/store/memory-state.ts'
import {
  BLOCKS_PER_MESSAGE_MAX,
  writeHints
} from '../../../../services/orchestrator/prefixes/hint-message.ts'
import { HintCounts } from '../../../../services/orchestrator/orchestrator-metrics.ts'
import { PrefixHints } from '../../../../services/orchestrator/prefixes/prefix-hints.ts'
import {
  BLOCK_CHARACTERS,
  PrefixIndex
} from '../../../../services/orchestrator/prefixes/prefix-index.ts'

const CHANNEL = 'prefixes'
const W1 = 'a1'.repeat(32)
const W2 = 'b2'.repeat(32)
const STRANGER = 'c3'.repeat(32)
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

/** As Redis, between orchestrators of this process. */
class Bus {
  readonly memory = new MemoryState()
  readonly messages: string[] = []
  isShared = true
  subscribe: MemoryState['subscribe'] = (channel, subscriber) =>
    this.memory.subscribe(channel, subscriber)

  publish(channel: string, message: string): void {
    this.messages.push(message)
    this.memory.publish(channel, message)
  }
}

class CountsKept extends HintCounts {
  readonly blocks = { sent: 0, received: 0, dropped: 0 }
  override sent = (blocks: number) => void (this.blocks.sent += blocks)
  override received = (blocks: number) => void (this.blocks.received += blocks)
  override dropped = (blocks: number) => void (this.blocks.dropped += blocks)
}

async function startHints(t: TestContext, bus: Bus) {
  const prefixes = new PrefixIndex()
  const counts = new CountsKept()
  const log = silentLogger()
  const warn = mock.method(log, 'warn')
  const hints = new PrefixHints({
    shared: bus,
    prefixes,
    knownWorker: (key) => [W1, W2].find((known) => known === key),
    counts,
    log
  })
  t.after(() => hints.stop())
  await hints.start()
  /** As the orchestrator does when an attempt begins. */
  const remember = (chain: readonly number[], workerKey: string) =>
    hints.gather(chain, prefixes.remember(chain, workerKey), workerKey)
  return { hints, prefixes, counts, warn, remember }
}

/** Moves the time on, so that what was gathered is published. */
function pass(): void {
  mock.timers.tick(100)
}

test('what one remembers the other knows, and only what is new is sent, in one message', async (t) => {
  t.after(() => mock.timers.reset())
  mock.timers.enable({ apis: ['setTimeout'] })
  const bus = new Bus()
  const [one, other] = [await startHints(t, bus), await startHints(t, bus)]
  one.remember(range(0, 10), W1)
  one.remember(range(100, 105), W2)
  one.remember(range(0, 12), W1) // the next turn
  assert.equal(bus.messages.length, 0)
  pass()
  assert.equal(bus.messages.length, 1)
  assert.deepEqual(one.counts.blocks, { sent: 17, received: 0, dropped: 0 })
  assert.deepEqual(other.counts.blocks, { sent: 0, received: 17, dropped: 0 })
  assert.deepEqual([...other.prefixes.lookup(range(0, 20))], [[W1, 12 * BLOCK_CHARACTERS]])
  assert.deepEqual([...other.prefixes.lookup(range(100, 120))], [[W2, 5 * BLOCK_CHARACTERS]])

  // What came from another is not sent on, and what it has told is not new.
  pass()
  other.remember(range(0, 13), W1)
  pass()
  assert.equal(bus.messages.length, 2)
  assert.equal(other.counts.blocks.sent, 1)
  assert.deepEqual([...one.prefixes.lookup(range(0, 20))], [[W1, 13 * BLOCK_CHARACTERS]])
  one.remember(range(0, 13), W1)
  one.remember([], W1)
  pass()
  assert.equal(bus.messages.length, 2)
})

test('another worker for the same prompt is news', async (t) => {
  t.after(() => mock.timers.reset())
  mock.timers.enable({ apis: ['setTimeout'] })
  const bus = new Bus()
  const [one, other] = [await startHints(t, bus), await startHints(t, bus)]
  one.remember(range(0, 4), W1)
  pass()
  one.remember(range(0, 4), W2)
  pass()
  assert.deepEqual([...other.prefixes.lookup(range(0, 4)).keys()].toSorted(), [W1, W2])
})

test('what is over the bound is dropped from the end, counted, and the next batch has room again', async (t) => {
  t.after(() => mock.timers.reset())
  mock.timers.enable({ apis: ['setTimeout'] })
  const bus = new Bus()
  const [one, other] = [await startHints(t, bus), await startHints(t, bus)]
  const [first, second] = [range(0, 2000), range(5000, 5100)]
  one.remember(first, W1)
  one.remember(second, W2)
  one.remember(range(9000, 9010), W2)
  const room = BLOCKS_PER_MESSAGE_MAX - first.length
  assert.equal(one.counts.blocks.dropped, second.length - room + 10)
  pass()
  assert.equal(bus.messages.length, 1)
  assert.equal(other.counts.blocks.received, BLOCKS_PER_MESSAGE_MAX)
  assert.deepEqual([...other.prefixes.lookup(second)], [[W2, room * BLOCK_CHARACTERS]])
  one.remember(range(10_000, 10_010), W2)
  pass()
  assert.equal(other.counts.blocks.received, BLOCKS_PER_MESSAGE_MAX + 10)
})

test('while the state is not shared nothing is published, and it goes on when it is again', async (t) => {
  t.after(() => mock.timers.reset())
  mock.timers.enable({ apis: ['setTimeout'] })
  const bus = new Bus()
  const [one, other] = [await startHints(t, bus), await startHints(t, bus)]
  bus.isShared = false
  one.remember(range(0, 5), W1)
  pass()
  assert.deepEqual(one.counts.blocks, { sent: 0, received: 0, dropped: 5 })
  bus.isShared = true
  one.remember(range(50, 55), W1)
  pass()
  assert.equal(bus.messages.length, 1)
  assert.equal(other.counts.blocks.received, 5)
})

test('one that stops sends what it has, and hears nothing any more', async (t) => {
  const bus = new Bus()
  const [one, other] = [await startHints(t, bus), await startHints(t, bus)]
  one.remember(range(0, 5), W1)
  one.hints.stop()
  assert.equal(other.counts.blocks.received, 5)
  other.remember(range(7, 9), W1)
  other.hints.stop()
  assert.equal(bus.messages.length, 2)
  assert.equal(one.counts.blocks.received, 0)
})

test('what cannot be read changes nothing, and is told once', async (t) => {
  const bus = new Bus()
  const { prefixes, counts, warn } = await startHints(t, bus)
  const good = writeHints('0'.repeat(16), [{ workerKey: W1, blocks: [1, 2] }])
  bus.publish(CHANNEL, good.replace('1.', '2.'))
  for (const message of ['', 'x', '{"a":1}', good.slice(0, -8), 'y'.repeat(1_000_000)]) {
    bus.publish(CHANNEL, message)
  }
  assert.equal(prefixes.size, 0)
  assert.equal(warn.mock.callCount(), 1)
  bus.publish(CHANNEL, good)
  assert.equal(prefixes.size, 2)
  assert.equal(counts.blocks.received, 2)
})

test('hints on workers that are not connected are left out', async (t) => {
  const bus = new Bus()
  const { prefixes, counts } = await startHints(t, bus)
  const hints = [STRANGER, W1].map((workerKey, i) => ({ workerKey, blocks: [i] }))
  bus.publish(CHANNEL, writeHints('0'.repeat(16), hints))
  assert.deepEqual([...prefixes.lookup([1])], [[W1, BLOCK_CHARACTERS]])
  assert.equal(prefixes.size, 1)
  assert.equal(counts.blocks.received, 1)
})
