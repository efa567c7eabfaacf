/** Fragments of earlier grammars: the same formats and bounds come again and again. */
import { BoundedMap } from '#shared/kit/bounded-map.ts'
import type { Fragment } from './rules.ts'

const FRAGMENTS_MAX = 256
const fragments = new BoundedMap<string, Fragment | null>(FRAGMENTS_MAX)

/** What `make` throws is not kept. */
export function cached(key: string, make: () => Fragment | null): Fragment | null {
  const known = fragments.get(key)
  const fragment = known === undefined ? make() : known
  fragments.set(key, fragment) // used last, so it stays
  return fragment
}
