/** Artifacts that other workers may read here: jobs services have given them to their runs. */
import { HaifError } from '#shared/errors.ts'
import { BoundedMap } from '#shared/kit/bounded-map.ts'

const LOANS_MAX = 4096

export class Loans {
  /** Until when, by artifact and worker. */
  readonly #until = new BoundedMap<string, number>(LOANS_MAX)
  readonly #now: () => number

  constructor(now = () => performance.now()) {
    this.#now = now
  }

  add(sha256: string, to: string, ms: number): void {
    this.#until.set(`${sha256} ${to}`, this.#now() + ms)
  }

  /** Throws NOT_FOUND: who may not read it does not learn whether it is here. */
  assert(sha256: string, to: string): void {
    if ((this.#until.get(`${sha256} ${to}`) ?? -Infinity) > this.#now()) return
    throw new HaifError('NOT_FOUND', `artifact ${sha256} is not lent to this worker`)
  }
}
