/**
 * Puts outputs in place of references, when a task begins. What is put in is not looked into again:
 * text of a model that looks like a reference is text.
 */
import { MAP_ITEMS_MAX } from '#shared/contracts/jobs/graph.ts'
import { HaifError } from '#shared/errors.ts'
import { readReference, type Reference } from './references.ts'

export interface Known {
  /** What the caller gave with the job. */
  jobInput: unknown
  /** The output of a task that has completed; of one with a map the list of its parts' outputs. */
  outputOf: (taskId: string) => unknown
  /** The part of the map that the task runs for. */
  item?: unknown
}

/** The input without references. Throws VALIDATION_FAILED where an output has no such field. */
export function resolveInput(value: unknown, known: Known): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((each) => resolveInput(each, known))
  if (Object.hasOwn(value, '$from')) return valueOf(readReference(value, 'input'), known)
  if (Object.hasOwn(value, '$concat')) {
    const { $concat: parts } = value as { $concat: readonly unknown[] }
    return parts.map((part) => textOf(resolveInput(part, known))).join('')
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, resolveInput(each, known)])
  )
}

/** The parts that a map runs for. */
export function resolveMap(map: unknown, known: Known): unknown[] {
  const parts = resolveInput(map, known)
  if (!Array.isArray(parts)) {
    throw new HaifError('VALIDATION_FAILED', `map needs a list, and got ${kindOf(parts)}`)
  }
  if (parts.length > MAP_ITEMS_MAX) {
    throw new HaifError(
      'VALIDATION_FAILED',
      `map got ${parts.length} parts and takes at most ${MAP_ITEMS_MAX}`
    )
  }
  return parts
}

/** A text as it is, a list as paragraphs, anything else as JSON. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  if (value === null || value === undefined) return ''
  if (Array.isArray(value)) return value.map(textOf).join('\n\n')
  if (typeof value === 'object' && 'text' in value && typeof value.text === 'string') {
    return value.text
  }
  return JSON.stringify(value)
}

function valueOf({ root, path }: Reference, known: Known): unknown {
  if (root === 'item') return follow(known.item, path, 'item')
  if (root === 'job') return follow(known.jobInput, path.slice(1), 'job.input')
  return follow(known.outputOf(root), path, root)
}

/** A field of a list is the list of that field of its parts. */
function follow(value: unknown, path: readonly string[], at: string): unknown {
  const [field, ...rest] = path
  if (field === undefined) return value
  if (Array.isArray(value)) {
    if (!/^\d+$/.test(field)) return value.map((each, nth) => follow(each, path, `${at}.${nth}`))
    if (Number(field) < value.length) return follow(value[Number(field)], rest, `${at}.${field}`)
  } else if (typeof value === 'object' && value !== null) {
    // Names of files have dots: the shortest name that there is counts.
    for (let parts = 1; parts <= path.length; parts++) {
      const name = path.slice(0, parts).join('.')
      if (!Object.hasOwn(value, name)) continue
      return follow((value as Record<string, unknown>)[name], path.slice(parts), `${at}.${name}`)
    }
  }
  throw new HaifError('VALIDATION_FAILED', `there is no ${at}.${field}: ${at} is ${kindOf(value)}`)
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value !== 'object') return `a ${typeof value}`
  const fields = Object.keys(value).slice(0, 8)
  return fields.length === 0 ? 'empty' : `an object with ${fields.join(', ')}`
}
