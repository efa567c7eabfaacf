/** Whose turn it is, on machines whose steps cost what a formula says; time is their sum. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import {
  PROMPT_STEP_TOKENS_MAX,
  PromptBudget,
  type StepCost
} from '../../../../../../../services/worker/engines/llama/child/schedule/prompt-budget.ts'

interface Machine {
  decodeStepMs: (answers: number) => number
  /** A piece of a prompt after so many tokens. */
  pieceMs: (tokens: number, after: number) => number
}

/** As measured with 125M parameters on two cores: attention below a whole tile costs six times. */
const cores: Machine = {
  decodeStepMs: (answers) => 5 + 2.5 * answers,
  pieceMs: (tokens, after) => tokens * (1.4 + (after / 1000) * (tokens < 64 ? 2.4 : 0.4))
}
/** A card, which a prompt of any length keeps for a moment only. */
const card: Machine = {
  decodeStepMs: (answers) => 3 + 0.05 * answers,
  pieceMs: (tokens, after) => 3 + tokens * (0.025 + after / 2e6)
}
/** Weights so large that reading them is what takes time. */
const slowMemory: Machine = {
  decodeStepMs: (answers) => 60 + answers,
  pieceMs: (tokens) => 60 + tokens * 0.3
}

class Run {
  now = 0
  readonly #machine: Machine
  readonly #budget = new PromptBudget()
  #rate: number

  constructor(machine: Machine) {
    this.#machine = machine
    this.#rate = (512 / machine.pieceMs(512, 0)) * 1000
  }

  /** The times of an answer's tokens while `writing` are written and so many steps are made. */
  write(writing: number, steps: number): number[] {
    return Array.from({ length: steps }, () => this.#answer(this.#cost(writing, [])))
  }

  /** Reads prompts beside answers; returns when each was read and when the answers' tokens came. */
  read(writing: number, prompts: readonly number[]) {
    const startedAt = this.now
    const rests = [...prompts]
    const tokensAt: number[] = []
    const readMs: number[] = []
    let pieces = 0
    while (rests.length > 0) {
      const cost = this.#cost(writing, rests)
      const budget = this.#budget.next(cost)
      if (budget === 0) {
        tokensAt.push(this.#answer(cost))
        continue
      }
      pieces++
      const after = prompts[prompts.length - rests.length]! - rests[0]!
      const piece = Math.min(budget, rests[0]!)
      const ms = this.#machine.pieceMs(piece, after)
      this.now += ms
      this.#rate += 0.1 * ((piece / ms) * 1000 - this.#rate)
      if (writing > 0) this.#budget.spent(ms)
      rests[0]! -= piece
      if (rests[0] === 0) {
        rests.shift()
        readMs.push(this.now - startedAt)
      }
    }
    return { readMs, tokensAt, pieces }
  }

  #answer(cost: StepCost): number {
    this.now += cost.decodeStepMs
    this.#budget.earned(cost)
    return this.now
  }

  #cost(writing: number, rests: readonly number[]): StepCost {
    return {
      writing,
      reading: rests.length,
      readingTokens: rests.reduce((total, rest) => total + rest, 0),
      decodeStepMs: this.#machine.decodeStepMs(writing),
      leastStepMs: this.#machine.decodeStepMs(1),
      prefillTokensPerSecond: this.#rate
    }
  }
}

const aloneMs = (machine: Machine, tokens: number): number =>
  new Run(machine).read(0, [tokens]).readMs[0]!

function p95(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * 0.95) - 1]!
}

function gapsOf(from: number, tokensAt: readonly number[]): number[] {
  return tokensAt.map((at, i) => at - (tokensAt[i - 1] ?? from))
}

suite('prompt budget', () => {
  for (const before of [0, 50]) {
    test(`a long prompt among 8 answers, ${before} steps after they began`, () => {
      const run = new Run(cores)
      run.write(8, before)
      const from = run.now
      const { readMs, tokensAt } = run.read(8, [4000])
      const gaps = gapsOf(from, [...tokensAt, run.now + cores.decodeStepMs(8)])
      assert.ok(readMs[0]! <= 2 * aloneMs(cores, 4000), `read in ${readMs[0]} ms`)
      assert.ok(p95(gaps) <= 2.5 * cores.decodeStepMs(8), `p95 ${p95(gaps)} ms`)
      assert.ok(Math.max(...gaps) <= 1_350, `longest ${Math.max(...gaps)} ms`)
    })
  }

  test('among so many that a tile takes no longer than a step, it is read smoothly', () => {
    const run = new Run(cores)
    const from = run.now
    const { readMs, tokensAt } = run.read(64, [4000])
    const settled = gapsOf(from, tokensAt).slice(1)
    assert.ok(readMs[0]! <= 2 * aloneMs(cores, 4000), `read in ${readMs[0]} ms`)
    const longest = Math.max(...settled) / cores.decodeStepMs(64)
    assert.ok(longest <= 2.5, `longest ${longest} steps`)
  })

  test('nobody is held up for longer where steps are long', () => {
    const run = new Run(slowMemory)
    const from = run.now
    const { readMs, tokensAt } = run.read(8, [4000])
    assert.ok(readMs[0]! <= 2 * aloneMs(slowMemory, 4000), `read in ${readMs[0]} ms`)
    const longest = Math.max(...gapsOf(from, [...tokensAt, run.now]))
    assert.ok(longest <= 1_350, `longest ${longest} ms`)
  })

  test('what a card reads in a moment is read at once', () => {
    const { readMs, tokensAt } = new Run(card).read(8, [4000])
    assert.deepEqual(tokensAt, [])
    assert.equal(readMs[0], aloneMs(card, 4000))
  })

  test('a short prompt is read at once', () => {
    const run = new Run(cores)
    run.write(15, 10)
    assert.deepEqual(run.read(15, [20]).tokensAt, [])
  })

  test('one after the other, short prompts take no more than their share', () => {
    const run = new Run(cores)
    const from = run.now
    let tokens = 0
    for (let i = 0; i < 200; i++) tokens += run.read(8, [100]).tokensAt.length
    const answersMs = tokens * cores.decodeStepMs(8)
    assert.ok(answersMs / (run.now - from) > 0.4, `${answersMs / (run.now - from)}`)
  })

  test('where many wait, most of the time is theirs', () => {
    const run = new Run(cores)
    const { readMs, tokensAt } = run.read(1, Array<number>(15).fill(350))
    const answersMs = tokensAt.length * cores.decodeStepMs(1)
    assert.ok(answersMs / readMs.at(-1)! < 0.12, `${answersMs / readMs.at(-1)!}`)
  })

  const alone: StepCost = {
    writing: 0,
    reading: 1,
    readingTokens: 4000,
    decodeStepMs: 0,
    leastStepMs: 0,
    prefillTokensPerSecond: 600
  }

  test('with nobody waiting for a token a piece is whole tiles, and bounded', () => {
    const next = (prefillTokensPerSecond: number) =>
      new PromptBudget().next({ ...alone, prefillTokensPerSecond })
    assert.equal(next(600), 128)
    assert.equal(next(1), 64)
    assert.equal(next(50_000), 512)
    assert.equal(PROMPT_STEP_TOKENS_MAX, 512)
  })

  test('with nobody to be read it is the answers turn', () => {
    assert.equal(new PromptBudget().next({ ...alone, writing: 1, reading: 0 }), 0)
  })

  test('a machine that takes a minute for a tile, or whose speed is unknown, moves on', () => {
    for (const prefillTokensPerSecond of [0, 1]) {
      const budget = new PromptBudget()
      const cost = { ...alone, writing: 8, decodeStepMs: 400, prefillTokensPerSecond }
      let steps = 0
      while (budget.next(cost) === 0 && steps < 100) {
        budget.earned(cost)
        steps++
      }
      assert.ok(steps < 10, `${steps} steps`)
    }
  })

  test('a piece that took longer than thought is paid for by the next ones', () => {
    const budget = new PromptBudget()
    const cost = { ...alone, writing: 8, decodeStepMs: 40 }
    assert.ok(budget.next(cost) > 0)
    budget.spent(1_500)
    let steps = 0
    for (; budget.next(cost) === 0; steps++) budget.earned(cost)
    assert.equal(steps, Math.ceil((1_500 - 1_000 + 1_000) / 50))
  })
})
