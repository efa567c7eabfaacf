/** Finds the schema that a `$ref` names: within the same document only. */
import { invalid, unkept } from './problems.ts'

export type Json = Record<string, unknown>
export type Schema = boolean | Json

const ANCHORS = ['$anchor', '$dynamicAnchor'] as const
/** Objects that are searched for anchors. */
const SEARCHED_MAX = 20_000

export class References {
  readonly #root: unknown
  #anchors: ReadonlyMap<string, unknown> | undefined

  constructor(root: unknown) {
    this.#root = root
  }

  resolve(reference: unknown, at: string): Schema {
    const found = typeof reference === 'string' ? this.#find(reference, at) : undefined
    if (found !== undefined) return schemaAt(found, String(reference))
    const name = JSON.stringify(reference)
    throw unkept(at, '$ref', `${name}, which names nothing in this schema`)
  }

  #find(reference: string, at: string): unknown {
    const [base = '', fragment] = reference.split('#', 2)
    if (base !== '' && base !== (this.#root as Json | null)?.['$id']) {
      throw unkept(at, '$ref', `${JSON.stringify(reference)}, which is another document`)
    }
    if (fragment === undefined) return base === '' ? undefined : this.#root
    const name = decoded(fragment, at)
    if (name === '') return this.#root
    if (!name.startsWith('/')) return this.#anchor(name)
    return name.slice(1).split('/').reduce(memberOf, this.#root)
  }

  #anchor(name: string): unknown {
    this.#anchors ??= anchorsIn(this.#root)
    return this.#anchors.get(name)
  }
}

export function schemaAt(value: unknown, at: string): Schema {
  if (typeof value === 'boolean') return value
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json
  throw invalid(at, 'there must be a schema: an object, true or false')
}

/** A step of a JSON pointer, with its `~1` for a slash and `~0` for a tilde. */
function memberOf(value: unknown, step: string): unknown {
  const name = step.replaceAll('~1', '/').replaceAll('~0', '~')
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return (value as Json)[name]
}

function decoded(fragment: string, at: string): string {
  try {
    return decodeURIComponent(fragment)
  } catch {
    throw invalid(at, `"$ref" has a percent sign that is no code: ${JSON.stringify(fragment)}`)
  }
}

function anchorsIn(root: unknown): ReadonlyMap<string, unknown> {
  const anchors = new Map<string, unknown>()
  const todo: unknown[] = [root]
  for (let searched = 0; todo.length > 0 && searched < SEARCHED_MAX; searched++) {
    const value = todo.pop()
    if (typeof value !== 'object' || value === null) continue
    for (const keyword of ANCHORS) {
      const name = (value as Json)[keyword]
      if (typeof name === 'string') anchors.set(name, value)
    }
    todo.push(...Object.values(value))
  }
  return anchors
}
