/**
 * References inside an input: `{"$from": "t1.parts.0.text"}` stands for what a task has put out,
 * `{"$from": "job.input"}` for what the caller gave, `{"$from": "item"}` for the part of a map.
 * `{"$concat": [...]}` joins texts and references to one text.
 */
import { HaifError } from '#shared/errors.ts'

const PATH_PARTS_MAX = 16
/** Deeper JSON is nobody's input, and would use up the stack. */
const NESTING_MAX = 64
const REFERENCE = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}(\.[A-Za-z0-9_-]{1,128})*$/

export interface Reference {
  /** The id of a task, `job` or `item`. */
  root: string
  /** Fields, and numbers of parts of a list. */
  path: readonly string[]
}

/** Every reference in a value, with where it stands, as `input.prompt.$from`. */
export function* referencesIn(
  value: unknown,
  at: string
): Generator<{ reference: Reference; at: string }> {
  if (typeof value !== 'object' || value === null) return
  if (Object.hasOwn(value, '$from')) {
    yield { reference: readReference(value, at), at }
    return
  }
  if (Object.hasOwn(value, '$concat')) assertConcat(value, at)
  for (const [name, inner] of Object.entries(value)) {
    yield* referencesIn(inner, `${at}.${name}`)
  }
}

/** To be called before anything else goes down into the value. */
export function assertNesting(value: unknown, at: string, depth = 0): void {
  if (typeof value !== 'object' || value === null) return
  if (depth > NESTING_MAX) throw invalid(at, `has more than ${NESTING_MAX} levels`)
  for (const inner of Object.values(value)) assertNesting(inner, at, depth + 1)
}

export function readReference(value: object, at: string): Reference {
  const { $from: text, ...others } = value as { $from: unknown }
  if (Object.keys(others).length > 0) throw invalid(at, 'has fields beside $from')
  if (typeof text !== 'string' || !REFERENCE.test(text)) {
    throw invalid(`${at}.$from`, 'must name a task and a field, such as "t1.text"')
  }
  const [root = '', ...path] = text.split('.')
  if (path.length > PATH_PARTS_MAX) throw invalid(`${at}.$from`, 'is too deep')
  return { root, path }
}

function assertConcat(value: object, at: string): void {
  const { $concat: parts, ...others } = value as { $concat: unknown }
  if (Object.keys(others).length > 0) throw invalid(at, 'has fields beside $concat')
  if (!Array.isArray(parts)) throw invalid(`${at}.$concat`, 'must be a list')
}

export function invalid(param: string, problem: string): HaifError {
  return new HaifError('VALIDATION_FAILED', `${param} ${problem}`, { details: { param } })
}
