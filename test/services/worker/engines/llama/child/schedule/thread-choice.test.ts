/** The number of threads, on machines whose steps cost what a formula says. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import {
  ThreadChoice,
  threadLevels
} from '../../../../../../../services/worker/engines/llama/child/schedule/thread-choice.ts'

/** Threads that lack a core make all of them wait for a turn of the operating system. */
const COLLAPSE = 8

class Machine {
  now = 0
  busyCores = 0
  /** Milliseconds of one core for a step. */
  work = 40
  readonly choice: ThreadChoice
  readonly #cores: number

  constructor(cores: number, many = cores) {
    this.#cores = cores
    this.choice = new ThreadChoice(cores, { one: cores - 1 || 1, many })
  }

  /** Steps of 8 answers for so long; returns how many there were. */
  run(ms: number, kind = '8 answers'): number {
    const end = this.now + ms
    let steps = 0
    for (; this.now < end; steps++) {
      const stepMs = this.stepMs(this.choice.counts.many)
      this.now += stepMs
      this.choice.record({ kind, units: 1, ms: stepMs }, this.now)
    }
    return steps
  }

  stepMs(threads: number): number {
    const collapsed = threads + this.busyCores > this.#cores
    return (this.work / threads) * (collapsed ? COLLAPSE : 1)
  }
}

suite('thread choice', () => {
  test('begins with what was found when the model was loaded', () => {
    for (const [cores, one, many] of [
      [2, 1, 2],
      [16, 15, 16],
      [1, 1, 1],
      [4, 1, 1]
    ] as const) {
      assert.deepEqual(new ThreadChoice(cores, { one, many }).counts, { one, many })
    }
    assert.deepEqual(threadLevels(16), [16, 15, 8, 1])
    assert.deepEqual(threadLevels(2), [2, 1])
  })

  test('keeps all of them while steps take what they usually take', () => {
    const machine = new Machine(4)
    assert.equal(machine.run(10_000), 1000)
    assert.equal(machine.choice.counts.many, 4)
  })

  test('takes fewer within some steps of a collapse, and all again when it is over', () => {
    const machine = new Machine(2)
    machine.run(2_000)
    machine.busyCores = 1
    machine.run(700)
    assert.equal(machine.choice.counts.many, 1)
    machine.busyCores = 0
    machine.run(2_500)
    assert.equal(machine.choice.counts.many, 2)
  })

  test('goes up from what was found beside a busy process that has ended', () => {
    const machine = new Machine(2, 1)
    machine.run(3_000)
    assert.equal(machine.choice.counts.many, 2)
  })

  test('beside a busy process it loses a few per cent to looking again', () => {
    const machine = new Machine(2)
    machine.run(2_000)
    machine.busyCores = 1
    machine.run(1_000)
    const steps = machine.run(60_000)
    const best = 60_000 / machine.stepMs(1)
    assert.ok(steps > best * 0.95, `${steps} of ${best} steps`)
  })

  test('after a long collapse all threads are tried within half a minute', () => {
    const machine = new Machine(2)
    machine.run(2_000)
    machine.busyCores = 1
    machine.run(300_000)
    machine.busyCores = 0
    machine.run(30_500)
    assert.equal(machine.choice.counts.many, 2)
  })

  test('goes down further where one core less is not enough', () => {
    const machine = new Machine(16)
    machine.run(2_000)
    machine.busyCores = 6
    machine.run(3_000)
    assert.equal(machine.choice.counts.many, 8)
    assert.equal(machine.choice.counts.one, 8)
    machine.busyCores = 0
    machine.run(60_000)
    assert.equal(machine.choice.counts.many, 16)
  })

  test('is not caught by steps that have become longer for good', () => {
    const machine = new Machine(2)
    machine.run(2_000)
    machine.work *= 4 // as when long contexts have come
    machine.run(4_000)
    assert.equal(machine.choice.counts.many, 2)
    assert.equal(machine.run(8_000), 100)
  })

  test('pieces of prompts are compared by their tokens', () => {
    const machine = new Machine(2)
    for (const units of [512, 64, 256, 300, 64, 512]) {
      machine.choice.record({ kind: 'prompt', units, ms: units / 2 }, (machine.now += units / 2))
    }
    assert.equal(machine.choice.counts.many, 2)
  })
})
