/**
 * Workers that hold one name and not the same model: another file, another engine, other abilities.
 * Answers then differ by the worker that gives them, so whoever runs the mesh is told; and what one
 * of them refuses, another may do.
 */
import type { Logger } from '#shared/process/log.ts'
import type { Holding } from './holding.ts'
import { isAlike } from './model-kind.ts'
import type { WorkerTable } from './worker-table.ts'

/** The sentence about a model; null while its holders are alike. */
export function unlikeness(name: string, holders: Iterable<Holding>): string | null {
  let first: Holding | null = null
  for (const holding of holders) {
    if (!holding.isReady || holding.model.digest === undefined) continue
    first ??= holding
    if (isAlike(first.model, holding.model)) continue
    const [one, other] = [first, holding].map((each) => each.workerKey.slice(0, KEY_CHARACTERS))
    return (
      `workers hold different models under the name ${name} (${howUnlike(first, holding)} on ` +
      `${one} and ${other}): answers depend on the worker, so give one of them another name`
    )
  }
  return null
}

function howUnlike({ model: one }: Holding, { model: other }: Holding): string {
  if (one.engine !== other.engine) return `the engines ${one.engine} and ${other.engine}`
  if (one.digest !== other.digest) return 'different files'
  return 'the same file with different abilities'
}

const KEY_CHARACTERS = 8
/** Many workers report each second; this looks at all holders of a model. */
const LOOK_MS = 2000
const WARNINGS_MAX = 16

export class UnlikeHolders {
  readonly #table: WorkerTable
  readonly #log: Logger
  readonly #now: () => number
  readonly #said = new Map<string, string>() // at most WARNINGS_MAX models
  readonly #lookedAt = new Map<string, number>() // for models that somebody holds
  /** Looked at too lately: over the internet the next report may be a minute away. */
  readonly #skipped = new Set<string>() // of those

  constructor(deps: { table: WorkerTable; log: Logger; now: () => number }) {
    this.#table = deps.table
    this.#log = deps.log
    this.#now = deps.now
  }

  /** Called when workers have reported about those models. */
  look(names: Iterable<string>): void {
    for (const name of names) {
      if (this.#now() - (this.#lookedAt.get(name) ?? -Infinity) < LOOK_MS) this.#skipped.add(name)
      else this.#lookAt(name)
    }
  }

  warnings(): string[] {
    for (const name of this.#skipped) this.#lookAt(name)
    return [...this.#said.values()]
  }

  #lookAt(name: string): void {
    this.#skipped.delete(name)
    const holders = this.#table.holders(name)
    if (holders.size === 0) this.#lookedAt.delete(name)
    else this.#lookedAt.set(name, this.#now())
    this.#say(name, unlikeness(name, holders))
  }

  #say(name: string, sentence: string | null): void {
    const before = this.#said.get(name)
    if (sentence === null) this.#said.delete(name)
    else if (before !== undefined || this.#said.size < WARNINGS_MAX) this.#said.set(name, sentence)
    if (sentence !== null && before === undefined) this.#log.warn({ model: name }, sentence)
  }
}
