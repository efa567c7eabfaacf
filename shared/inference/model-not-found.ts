/** The error for a model that nobody holds, with what there is in its place. */
import { HaifError } from '#shared/errors.ts'
import { nearName } from '#shared/kit/near-name.ts'

const SHOWN_MAX = 8
const NAME_CHARACTERS_MAX = 128

/** `names`: of all models that the caller may ask. */
export function modelNotFound(wanted: string, names: readonly string[]): HaifError {
  const shown = names.toSorted().slice(0, SHOWN_MAX).join(', ')
  const more = names.length > SHOWN_MAX ? ', …' : ''
  const there =
    names.length === 0
      ? 'there is none'
      : `there ${names.length === 1 ? 'is' : 'are'} ${shown}${more}`
  const near = nearName(wanted, names)
  const guess = near === undefined ? '' : `; did you mean ${near}?`
  const name = wanted.slice(0, NAME_CHARACTERS_MAX)
  return new HaifError('MODEL_NOT_FOUND', `no worker holds ${name}; ${there}${guess}`)
}
