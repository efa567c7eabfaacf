/**
 * The number of threads that compute a step. llama.cpp's threads wait for each other hundreds of
 * times in a step, spinning; where another busy process takes the core of one, all of them stand
 * still (243 tokens/s become 60, and with bad luck 16). So when steps collapse, fewer threads
 * compute, and from time to time a step shows whether more would be faster again.
 */
import assert from 'node:assert/strict'

export interface ThreadCounts {
  /** For a step of one token. */
  one: number
  /** For a step of several answers, and for prompts. */
  many: number
}

const ONE_TOKEN = '1'

interface ComputedStep {
  /** Steps of one kind, such as those of 8 answers, take about as long as each other. */
  kind: string
  /** Tokens of a prompt, whose pieces differ in length; 1 for steps that do not. */
  units: number
  ms: number
}

export class ThreadChoice {
  readonly #levels: readonly ThreadCounts[]
  /** The time of one unit with the most threads and all cores, by kind of step. */
  readonly #usualMs = new Map<string, number>()
  #level = 0
  /** How much longer than usual the steps at this level take. */
  #slowdown: Average = newAverage()
  #trial: Trial | null = null
  #retryAt = 0
  #retryMs = RETRY_MS_MIN

  /** Begins with the counts that were found best when the model was loaded. */
  constructor(cores: number, found: ThreadCounts) {
    assert(cores >= 1 && found.one >= 1)
    this.#levels = threadLevels(cores).map((many) => ({ one: Math.min(found.one, many), many }))
    const level = this.#levels.findIndex(({ many }) => many <= found.many)
    this.#level = level === -1 ? this.#levels.length - 1 : level
  }

  get counts(): ThreadCounts {
    return this.#levels[this.#trial?.level ?? this.#level]!
  }

  /** Takes the time of a step that was computed with `counts`, and may change them. */
  record(step: ComputedStep, now: number): void {
    const isSame = this.#levels.every(({ one }) => one === this.#levels[0]!.one)
    if (step.kind === ONE_TOKEN && isSame) return // it says nothing of other levels
    const slowdown = this.#slowdownOf(step)
    if (this.#trial === null) this.#watch(slowdown, step.ms, now)
    else this.#judge(this.#trial, slowdown, step.ms, now)
  }

  #slowdownOf({ kind, units, ms }: ComputedStep): number {
    const unitMs = ms / units
    const usual = this.#usualMs.get(kind) ?? unitMs
    const slowdown = unitMs / usual
    // Rises slowly, as contexts grow, and not at all while steps collapse.
    const weight = slowdown < 1 ? FALL_WEIGHT : slowdown < COLLAPSED ? RISE_WEIGHT : 0
    this.#usualMs.set(kind, usual + weight * (unitMs - usual))
    if (this.#usualMs.size > KINDS_MAX) this.#usualMs.clear()
    return slowdown
  }

  #watch(slowdown: number, ms: number, now: number): void {
    add(this.#slowdown, slowdown, ms)
    const canFall = this.#level < this.#levels.length - 1
    if (canFall && isSure(this.#slowdown) && meanOf(this.#slowdown) > COLLAPSED) {
      this.#go(this.#level + 1, now)
    } else if (this.#level > 0 && now >= this.#retryAt) {
      this.#trial = { level: this.#level - 1, slowdown: newAverage() }
    }
  }

  #judge(trial: Trial, slowdown: number, ms: number, now: number): void {
    add(trial.slowdown, slowdown, ms)
    const [tried, present] = [meanOf(trial.slowdown), meanOf(this.#slowdown)]
    if (slowdown > present * CLEARLY_WORSE || (isSure(trial.slowdown) && tried >= present)) {
      this.#trial = null
      this.#retryMs = Math.min(RETRY_MS_MAX, this.#retryMs * 2)
      this.#retryAt = now + this.#retryMs
    } else if (isSure(trial.slowdown)) {
      this.#trial = null
      // What is usual may have changed, as with longer contexts: it is learned anew.
      if (tried > COLLAPSED) this.#usualMs.clear()
      this.#retryMs = RETRY_MS_MIN
      this.#go(trial.level, now)
    }
  }

  #go(level: number, now: number): void {
    this.#level = level
    this.#slowdown = newAverage()
    this.#retryAt = now + this.#retryMs
  }
}

/** Numbers of threads for batches, from the most down. */
export function threadLevels(cores: number): number[] {
  return [...new Set([cores, Math.max(1, cores - 1), Math.ceil(cores / 2), 1])]
}

/** A step that takes so many times as long as usual has lost more than a core. */
const COLLAPSED = 2
const CLEARLY_WORSE = 1.5
const FALL_WEIGHT = 0.3
const RISE_WEIGHT = 0.05
const RETRY_MS_MIN = 1_000
const RETRY_MS_MAX = 30_000
/** Kinds are numbers of answers, of which there are as many as slots. */
const KINDS_MAX = 1_024

/** Steps at a level with more threads, to see whether they are faster again. */
interface Trial {
  level: number
  slowdown: Average
}

/** The mean of recent steps, by their time; forgets what is older than about a second. */
interface Average {
  weighted: number
  ms: number
  steps: number
}

const newAverage = (): Average => ({ weighted: 0, ms: 0, steps: 0 })

function add(average: Average, value: number, ms: number): void {
  const kept = Math.max(0, 1 - ms / WINDOW_MS)
  average.weighted = average.weighted * kept + value * ms
  average.ms = average.ms * kept + ms
  average.steps++
}

const meanOf = ({ weighted, ms }: Average): number => (ms === 0 ? 1 : weighted / ms)
const isSure = ({ ms, steps }: Average): boolean => steps >= SURE_STEPS && ms >= SURE_MS

const WINDOW_MS = 500
const SURE_STEPS = 3
const SURE_MS = 50
