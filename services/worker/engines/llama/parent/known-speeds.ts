/**
 * What this machine was measured to do with models, kept between starts. Another processor, number
 * of cores or version of HAIF may be faster or slower: it measures for itself.
 */
import { availableParallelism, cpus } from 'node:os'
import { Type } from 'typebox'
import { VERSION } from '#shared/process/version.ts'
import type { Measured } from '../messages.ts'
import { KeptEntries } from './kept-entries.ts'

const Positive = Type.Number({ exclusiveMinimum: 0 })
const Count = Type.Integer({ minimum: 1 })
const MeasuredSchema = Type.Object({
  threads: Type.Object({ one: Count, many: Count }),
  steps: Type.Array(Type.Tuple([Count, Positive]), { minItems: 1, maxItems: 8 }),
  prefill: Positive
})

export class KnownSpeeds {
  readonly #entries: KeptEntries<typeof MeasuredSchema>
  readonly #machine: string

  constructor(file: string, machine = thisMachine()) {
    this.#entries = new KeptEntries(file, MeasuredSchema)
    this.#machine = machine
  }

  find(digest: string): Measured | undefined {
    return this.#entries.get(this.#nameOf(digest))
  }

  keep(digest: string, measured: Measured): void {
    this.#entries.set(this.#nameOf(digest), measured)
  }

  #nameOf(digest: string): string {
    return `${digest}, ${this.#machine}`
  }
}

const thisMachine = (): string =>
  `${cpus()[0]?.model.trim() ?? process.arch}, ${availableParallelism()} cores, HAIF ${VERSION}`
