/** Reads the arguments of a call, by place or by name, as Python binds them. */
import { isStr, raw, type Str } from './text.ts'
import {
  isNumber,
  isTrue,
  NONE,
  numberOf,
  TemplateError,
  typeName,
  type Given,
  type Value
} from './values.ts'

export class ArgumentReader {
  readonly #given: Given
  readonly #what: string

  constructor(given: Given, what: string) {
    this.#given = given
    this.#what = what
  }

  get(place: number, name: string): Value | undefined {
    return this.#given.args[place] ?? this.#given.named.get(name)
  }

  value(place: number, name: string): Value {
    const value = this.get(place, name)
    if (value === undefined) throw new TemplateError(`${this.#what} needs ${name}`)
    return value
  }

  text(place: number, name: string): Str {
    const value = this.value(place, name)
    if (isStr(value)) return value
    throw new TemplateError(`${this.#what}: ${name} must be str, not ${typeName(value)}`)
  }

  /** A text where it is given and not `none`. */
  optionalText(place: number, name: string): string | undefined {
    const value = this.get(place, name)
    return value === undefined || value === NONE ? undefined : raw(this.text(place, name))
  }

  integer(place: number, name: string, otherwise: number): number {
    const value = this.get(place, name)
    if (value === undefined || value === NONE) return otherwise
    if (isNumber(value) || typeof value === 'boolean') return Math.trunc(numberOf(value))
    throw new TemplateError(`${this.#what}: ${name} must be int, not ${typeName(value)}`)
  }

  flag(place: number, name: string, otherwise = false): boolean {
    const value = this.get(place, name)
    return value === undefined ? otherwise : isTrue(value)
  }
}
