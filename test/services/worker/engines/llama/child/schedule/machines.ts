/** Machines whose steps cost what a formula says, and runs on them: time is the sum of steps. */
import {
  PromptBudget,
  type StepCost
} from '../../../../../../../services/worker/engines/llama/child/schedule/prompt-budget.ts'
import { sharesOf } from '../../../../../../../services/worker/engines/llama/child/schedule/prompt-order.ts'
import { StepRates } from '../../../../../../../services/worker/engines/llama/child/schedule/step-rates.ts'

export interface Machine {
  /** `written`: the tokens that each answer has. */
  decodeStepMs: (answers: number, written: number) => number
  /** A piece of a prompt after so many tokens. */
  pieceMs: (tokens: number, after: number) => number
}

/** As measured with 125M parameters on two cores: attention below a whole tile costs six times. */
export const cores: Machine = {
  decodeStepMs: (answers, written) => 3 + (2 + written / 150) * answers,
  pieceMs: (tokens, after) => tokens * (0.8 + (after / 1000) * (tokens < 64 ? 3.6 : 0.6))
}
/** The same at two fifths of the speed. */
export const slowCores: Machine = {
  decodeStepMs: (answers, written) => 2.5 * cores.decodeStepMs(answers, written),
  pieceMs: (tokens, after) => 2.5 * cores.pieceMs(tokens, after)
}
/** The same without flash attention: no tiles, but every piece reads all that was kept. */
export const coresWithoutTiles: Machine = {
  decodeStepMs: (answers, written) => 3 + (3 + written / 600) * answers,
  pieceMs: (tokens, after) => 2 + after / 400 + tokens * (0.8 + (after / 1000) * 0.55)
}
/** A card, on which a step costs about the same whatever it holds. */
export const card: Machine = {
  decodeStepMs: (answers) => 3 + 0.05 * answers,
  pieceMs: (tokens, after) => 3 + tokens * (0.025 + after / 2e6)
}
/** Weights so large that reading them is what takes time. */
export const slowMemory: Machine = {
  decodeStepMs: (answers) => 60 + answers,
  pieceMs: (tokens) => 60 + tokens * 0.3
}

/** Now and then something else takes the cores. */
export function spiky(machine: Machine, everySteps: number, factor: number): Machine {
  let steps = 0
  const spike = (ms: number) => (++steps % everySteps === 0 ? ms * factor : ms)
  return {
    decodeStepMs: (...args) => spike(machine.decodeStepMs(...args)),
    pieceMs: (...args) => spike(machine.pieceMs(...args))
  }
}

interface Prompt {
  arrivedAt: number
  tokens: number
  rest: number
  readAt: number
}

interface Found {
  /** From its arrival to its last piece, for each prompt in the order given. */
  readMs: number[]
  /** Between two tokens of the answers. */
  gapsMs: number[]
}

export class Run {
  now = 0
  readonly #machine: Machine
  readonly #budget = new PromptBudget()
  readonly #rates: StepRates
  #written = 0

  constructor(machine: Machine) {
    this.#machine = machine
    const decodeSteps = [1, 8, 64].map((n): [number, number] => [n, machine.decodeStepMs(n, 0)])
    const prefill = (512 / machine.pieceMs(512, 0)) * 1000
    this.#rates = new StepRates({ rates: { prefill, decode: 0 }, decodeSteps })
  }

  /** Writes `writing` answers for so many steps, with nobody who is to be read. */
  write(writing: number, steps: number): void {
    for (; steps > 0; steps--) this.#answer(writing, this.#cost(writing, []))
  }

  /** Reads prompts that arrive after so many milliseconds, beside answers. */
  read(writing: number, arriving: readonly { tokens: number; afterMs?: number }[]): Found {
    const startedAt = this.now
    const prompts = arriving.map(({ tokens, afterMs = 0 }) => {
      return { arrivedAt: startedAt + afterMs, tokens, rest: tokens, readAt: NaN }
    })
    const gapsMs: number[] = []
    let tokenAt = this.now
    while (prompts.some(({ rest }) => rest > 0)) {
      const there = prompts.filter(({ rest, arrivedAt }) => rest > 0 && arrivedAt <= this.now)
      const cost = this.#cost(writing, there)
      const turn = this.#budget.next(cost)
      if (turn.tokens > 0) this.#readPiece(writing, there, turn)
      else {
        this.#answer(writing, cost)
        gapsMs.push(this.now - tokenAt)
        tokenAt = this.now
      }
    }
    this.#answer(writing, this.#cost(writing, []))
    gapsMs.push(this.now - tokenAt)
    return { readMs: prompts.map(({ readAt, arrivedAt }) => readAt - arrivedAt), gapsMs }
  }

  #readPiece(
    writing: number,
    there: Prompt[],
    { tokens, onlyShortest }: { tokens: number; onlyShortest: boolean }
  ): void {
    const keyed = there.map((prompt) => ({ ...prompt, key: prompt }))
    const shortest = keyed.toSorted((a, b) => a.rest - b.rest).slice(0, 1)
    let [ms, read] = [0, 0]
    const done: Prompt[] = []
    for (const [prompt, piece] of sharesOf(onlyShortest ? shortest : keyed, tokens)) {
      ms += this.#machine.pieceMs(piece, prompt.tokens - prompt.rest)
      read += piece
      prompt.rest -= piece
      if (prompt.rest === 0) done.push(prompt)
    }
    this.now += ms
    for (const prompt of done) prompt.readAt = this.now
    this.#rates.record({ ms, decoding: 0, promptTokens: read })
    this.#budget.read({ tokens: read, ms, writing })
  }

  #answer(writing: number, cost: StepCost): void {
    if (writing === 0) return
    const ms = this.#machine.decodeStepMs(writing, ++this.#written)
    this.now += ms
    this.#rates.record({ ms, decoding: writing, promptTokens: 0 })
    this.#budget.earned(cost)
  }

  #cost(writing: number, prompts: readonly Prompt[]): StepCost {
    const rests = prompts.map(({ rest }) => rest)
    return {
      writing,
      reading: rests.length,
      readingTokens: rests.reduce((total, rest) => total + rest, 0),
      shortestTokens: Math.min(...rests),
      decodeStepMs: this.#rates.decodeStepMs(writing),
      leastStepMs: this.#rates.decodeStepMs(1),
      prefillTokensPerSecond: this.#rates.rates.prefill
    }
  }
}

export const aloneMs = (machine: Machine, tokens: number): number =>
  new Run(machine).read(0, [{ tokens }]).readMs[0]!

export function p95(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * 0.95) - 1]!
}
