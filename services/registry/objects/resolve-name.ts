/** Which object a name means to a tenant. Pure. */
import { HaifError } from '#shared/errors.ts'

export interface ObjectKey {
  owner: string
  library: string
  name: string
}

interface NamedObject {
  owner?: string
  library?: string
  name: string
  /** A number, a beginning of a hash, or `latest`. */
  version: string
}

/** `text` fits the pattern of references. */
export function parseRef(text: string): NamedObject {
  const [path = '', version = 'latest'] = text.split('@')
  const parts = path.split('/')
  const name = parts.pop()!
  const library = parts.pop()
  const owner = parts.pop()
  return {
    name,
    version,
    ...(library === undefined ? {} : { library }),
    ...(owner === undefined ? {} : { owner })
  }
}

export const keyText = ({ owner, library, name }: ObjectKey): string =>
  `${owner}/${library}/${name}`

const SHOWN_MAX = 8

/**
 * O4: one's own objects come first; then there must be exactly one of somebody else. `candidates`
 * have the name, and the tenant may see them. An object that it may not see does not exist.
 */
export function chooseObject<Candidate extends ObjectKey>(
  { owner, library, name }: NamedObject,
  tenant: string,
  candidates: readonly Candidate[]
): Candidate {
  const fitting = candidates.filter(
    (each) =>
      each.name === name &&
      (library === undefined || each.library === library) &&
      (owner === undefined || each.owner === owner)
  )
  const own = fitting.filter((each) => each.owner === tenant)
  const left = own.length > 0 ? own : fitting
  const [first] = left
  if (first === undefined) {
    const shown = [owner, library, name].filter((part) => part !== undefined).join('/')
    throw new HaifError('NOT_FOUND', `there is no function or pipeline ${shown} for ${tenant}`)
  }
  if (left.length === 1) return first
  const names = left.map(keyText).toSorted()
  throw new HaifError(
    'CONFLICT',
    `${name} may be ${names.slice(0, SHOWN_MAX).join(', ')}: name the one that you mean`,
    { details: { candidates: names.slice(0, SHOWN_MAX) } }
  )
}
