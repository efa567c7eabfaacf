/**
 * The names that a part of a template sees. A loop makes one for each of its turns, with two or
 * three names in it, so only the outermost is worth a map.
 */
import type { Value } from './values.ts'

export class Scope {
  readonly #outer: Scope | null
  readonly #globals: Map<string, Value> | null
  readonly #names: string[] = []
  readonly #values: Value[] = []

  constructor(outer: Scope | null, globals?: Iterable<readonly [string, Value]>) {
    this.#outer = outer
    this.#globals = globals === undefined ? null : new Map(globals)
  }

  get(name: string): Value | undefined {
    if (this.#globals !== null) return this.#globals.get(name)
    const at = this.#names.indexOf(name)
    return at === -1 ? this.#outer?.get(name) : this.#values[at]
  }

  set(name: string, value: Value): void {
    if (this.#globals !== null) {
      this.#globals.set(name, value)
      return
    }
    const at = this.#names.indexOf(name)
    if (at !== -1) this.#values[at] = value
    else {
      this.#names.push(name)
      this.#values.push(value)
    }
  }
}
