/** What a template knows of the loop that it is in, as `loop`. */
import {
  areEqual,
  Callable,
  List,
  Members,
  NONE,
  Undefined,
  type Given,
  type Value
} from './values.ts'

export class Loop extends Members {
  /** The place of the current item. */
  at = -1
  /** Called as `loop(items)` in a recursive loop. */
  readonly recursive: Callable | null
  readonly #items: readonly Value[]
  readonly #depth: number
  #changed: List | null = null

  constructor(items: readonly Value[], depth: number, recursive: Callable | null) {
    super()
    this.#items = items
    this.#depth = depth
    this.recursive = recursive
  }

  get(name: string): Value | undefined {
    const { at } = this
    const length = this.#items.length
    switch (name) {
      case 'index':
        return at + 1
      case 'index0':
        return at
      case 'revindex':
        return length - at
      case 'revindex0':
        return length - at - 1
      case 'first':
        return at === 0
      case 'last':
        return at === length - 1
      case 'length':
        return length
      case 'depth':
        return this.#depth
      case 'depth0':
        return this.#depth - 1
      case 'previtem':
        return this.#items[at - 1] ?? new Undefined('there is no previous item')
      case 'nextitem':
        return this.#items[at + 1] ?? new Undefined('there is no next item')
      case 'changed':
        return new Callable(({ args }) => this.#hasChanged(args))
      case 'cycle':
        return new Callable(({ args }) => args[at % Math.max(args.length, 1)] ?? NONE)
      default:
        return undefined
    }
  }

  #hasChanged(args: Given['args']): boolean {
    const before = this.#changed
    this.#changed = new List([...args])
    return before === null || !areEqual(before, this.#changed)
  }
}
