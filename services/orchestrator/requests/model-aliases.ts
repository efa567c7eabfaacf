/** Names that stand for models: `MODEL_ALIASES`. */

/** One alias, and its models, the preferred one first. */
export type AliasEntry = readonly [name: string, models: readonly string[]]

/**
 * A name stands for itself where nothing else is said. With `*`, which stands for any text, an
 * alias takes the names that programs have built in, such as `claude-*`; it never hides a model of
 * that very name, and of several the first one counts.
 */
export class ModelAliases {
  readonly #exact: ReadonlyMap<string, readonly string[]>
  readonly #patterns: readonly { pattern: RegExp; models: readonly string[] }[]

  constructor(entries: Iterable<AliasEntry> = []) {
    const all = [...entries]
    this.#exact = new Map(all.filter(([name]) => !name.includes('*')))
    this.#patterns = all
      .filter(([name]) => name.includes('*'))
      .map(([name, models]) => ({ pattern: patternOf(name), models }))
  }

  /** Returns at least one name. `isHeld` says whether some worker has a model of that name. */
  modelsFor(name: string, isHeld: (name: string) => boolean): readonly string[] {
    const exact = this.#exact.get(name)
    if (exact !== undefined) return exact
    if (isHeld(name)) return [name]
    return this.#patterns.find(({ pattern }) => pattern.test(name))?.models ?? [name]
  }
}

const patternOf = (name: string): RegExp =>
  new RegExp(`^${name.split('*').map(escaped).join('.*')}$`, 's')

const escaped = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)
