/** Both sides of one stream without a network: every order of sending, granting and reading. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Type } from 'typebox'
import { ConsumerStream, WINDOW } from '#shared/rpc/consumer-stream.ts'
import { createContext } from '#shared/rpc/context.ts'
import { costOf, FrameType, itemsFrame, type Frame } from '#shared/rpc/frames.ts'
import { ItemBatch, jsonCodec } from '#shared/rpc/items.ts'
import { ProducerStream } from '#shared/rpc/producer-stream.ts'
import { Compile } from '#shared/validator.ts'

const codec = jsonCodec(Compile(Type.Unknown()), 'item')

type Step = 'deliver' | 'grant' | 'read' | 'clog' | 'drain'

class Pair {
  readonly sent: Frame[] = []
  readonly read: Frame[] = []
  readonly #onTheWay: Frame[] = []
  #drained = true
  readonly #grants: number[] = []
  readonly #outlet = {
    isDrained: () => this.#drained,
    gather: (stream: ProducerStream) => void setImmediate(() => stream.flush()),
    send: (frame: Frame) => {
      if (frame.type === FrameType.items) {
        assert.ok(this.#unread < WINDOW, 'S1: an item without credit')
        this.#unread += costOf(frame)
      }
      this.sent.push(frame)
      this.#onTheWay.push(frame)
    }
  }
  readonly #consumer = new ConsumerStream((credit) => this.#grants.push(credit))
  readonly #producer = new ProducerStream(1, createContext({ timeoutMs: 60_000 }), this.#outlet)
  readonly #ended: Promise<unknown>
  /** Cost of what was sent and not read: what the window bounds. */
  #unread = 0
  #reading = false

  constructor(items: string[]) {
    const outlet = this.#outlet
    this.#ended = this.#producer.run(async function* () {
      for (const item of items) {
        assert.ok(outlet.isDrained(), 'S8: asked for an item while the connection was not drained')
        yield item
      }
      return items.length
    }, codec)
  }

  async take(step: Step): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve)) // what the step before has set going
    if (step === 'deliver') this.#deliver()
    else if (step === 'grant') this.#grant()
    else if (step === 'read') void this.#read()
    else this.#drained = step === 'drain'
    if (step === 'drain') this.#producer.wakeUp()
  }

  async finish(): Promise<unknown> {
    while (!this.#isOver) {
      for (const step of ['drain', 'deliver', 'grant', 'read'] as const) await this.take(step)
    }
    return this.#ended
  }

  get #isOver(): boolean {
    const last = this.read.at(-1)?.type
    return last === FrameType.end || last === FrameType.error
  }

  #deliver(): void {
    const frame = this.#onTheWay.shift()
    if (frame?.type === FrameType.items) assert.ok(this.#consumer.items(frame), 'S1: refused')
    else if (frame !== undefined) this.#consumer.finish(frame)
  }

  #grant(): void {
    const amount = this.#grants.shift()
    if (amount === undefined) return
    assert.ok(amount >= WINDOW / 2, 'S2: half a window at a time')
    this.#producer.credit(amount)
  }

  async #read(): Promise<void> {
    if (this.#reading) return
    this.#reading = true
    const frame = await this.#consumer.next()
    this.#reading = false
    this.read.push(frame)
    if (frame.type !== FrameType.items) return
    this.#unread -= costOf(frame)
    this.#consumer.consumed(frame)
  }
}

const item = fc.oneof(
  { weight: 4, arbitrary: fc.nat(200) },
  { weight: 2, arbitrary: fc.nat(6000) },
  { weight: 1, arbitrary: fc.nat(3 * WINDOW) }
)
const steps = fc.array(fc.constantFrom<Step[]>('deliver', 'grant', 'read', 'clog', 'drain'), {
  maxLength: 80
})

test('S1, S2, S4, S8: whatever the order of reading, credit is kept and nothing is lost', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(item, { maxLength: 40 }), steps, async (sizes, order) => {
      const items = sizes.map((size, n) => `${n}:${'x'.repeat(size)}`)
      const pair = new Pair(items)
      for (const step of order) await pair.take(step)
      assert.equal(await pair.finish(), null)
      const values = pair.read.flatMap(({ type, bytes, body }) =>
        type === FrameType.items
          ? ItemBatch.received(codec, bytes).items()
          : [JSON.parse(body) as unknown]
      )
      assert.deepEqual(values, [...items, items.length])
      assert.deepEqual(pair.sent, pair.read)
    }),
    { numRuns: 100 }
  )
})

test('S3: a reader refuses what comes after its window is used up, and then takes again', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1 }),
      async (sizes) => {
        let granted = WINDOW
        let taken = 0
        const consumer = new ConsumerStream((credit) => (granted += credit))
        for (const size of sizes) {
          const frame = itemsFrame(1, new Uint8Array(size))
          const hasCredit = granted > taken
          assert.equal(consumer.items(frame), hasCredit)
          if (hasCredit) taken += size
          else consumer.consumed(await consumer.next())
        }
      }
    )
  )
})
