/**
 * Checks a graph before it is taken, so that what cannot end is never begun: ids, types, cycles,
 * dependencies, references, sizes and depth. Who wrote it (a caller, a template, a model) does not
 * matter.
 */
import {
  DEPTH_MAX,
  GRAPH_BYTES_MAX,
  INPUT_BYTES_MAX,
  MAP_ITEMS_MAX,
  RESERVED_IDS,
  TASKS_MAX,
  type GraphTask
} from '#shared/contracts/jobs/graph.ts'
import { TASK_IO } from '#shared/contracts/jobs/task-io.ts'
import { HaifError } from '#shared/errors.ts'
import {
  assertNesting,
  invalid,
  readReference,
  referencesIn,
  type Reference
} from './references.ts'

/**
 * The graph, each task with all its dependencies: also those that only a reference names. Throws
 * VALIDATION_FAILED, with the field in `details.param`.
 */
export function checkGraph(tasks: readonly GraphTask[], jobInput?: unknown): GraphTask[] {
  assertSizes(tasks, jobInput)
  const byId = indexed(tasks)
  const checked = tasks.map((task, place) => checkTask(task, place, byId))
  assertOrder(checked)
  return checked
}

function assertSizes(tasks: readonly GraphTask[], jobInput: unknown): void {
  if (tasks.length === 0) throw invalid('tasks', 'must not be empty')
  if (tasks.length > TASKS_MAX) throw invalid('tasks', `must have at most ${TASKS_MAX} items`)
  const input = bytesOf(jobInput, 'input')
  if (input > INPUT_BYTES_MAX) throw tooLarge('input')
  const inputs = tasks.map((task, place) => {
    const at = `tasks.${place}`
    const bytes = bytesOf(task.input, `${at}.input`) + bytesOf(task.map, `${at}.map`)
    if (bytes > INPUT_BYTES_MAX) throw tooLarge(`${at}.input`)
    return bytes
  })
  const total = inputs.reduce((sum, bytes) => sum + bytes, input)
  if (total > GRAPH_BYTES_MAX) {
    throw new HaifError('BODY_TOO_LARGE', 'all inputs together may have 3 MiB: use artifacts', {
      details: { param: 'tasks' }
    })
  }
}

function bytesOf(value: unknown, at: string): number {
  if (value === undefined) return 0
  assertNesting(value, at)
  return Buffer.byteLength(JSON.stringify(value))
}

const tooLarge = (param: string): HaifError =>
  new HaifError('BODY_TOO_LARGE', `${param} is over 1 MiB: use an artifact, or several tasks`, {
    details: { param }
  })

function indexed(tasks: readonly GraphTask[]): Map<string, GraphTask> {
  const byId = new Map<string, GraphTask>()
  for (const [place, task] of tasks.entries()) {
    const param = `tasks.${place}.id`
    if ((RESERVED_IDS as readonly string[]).includes(task.id)) {
      throw invalid(param, `must not be "${task.id}", which has a meaning in references`)
    }
    if (byId.has(task.id)) throw invalid(param, `"${task.id}" is the id of two tasks`)
    byId.set(task.id, task)
  }
  return byId
}

function checkTask(
  task: GraphTask,
  place: number,
  byId: ReadonlyMap<string, GraphTask>
): GraphTask {
  const at = `tasks.${place}`
  assertInput(task, at)
  const dependencies = new Set<string>()
  for (const [nth, id] of (task.dependencies ?? []).entries()) {
    const param = `${at}.dependencies.${nth}`
    if (!byId.has(id)) throw invalid(param, `"${id}" is no task of this graph`)
    if (id === task.id) throw invalid(param, 'is the task itself')
    dependencies.add(id)
  }
  for (const { reference, at: where } of referencesOf(task, at)) {
    if (reference.root === 'job') assertJobReference(reference, where)
    else if (reference.root === 'item') assertItem(task, where)
    else dependencies.add(assertOutput(reference, where, task, byId))
  }
  return { ...task, dependencies: [...dependencies] }
}

function* referencesOf(task: GraphTask, at: string) {
  yield* referencesIn(task.input, `${at}.input`)
  const { map } = task
  if (map === undefined) return
  if (Array.isArray(map)) {
    if (map.length > MAP_ITEMS_MAX) {
      throw invalid(`${at}.map`, `must have at most ${MAP_ITEMS_MAX} items`)
    }
    yield* referencesIn(map, `${at}.map`)
    return
  }
  if (typeof map !== 'object' || map === null || !Object.hasOwn(map, '$from')) {
    throw invalid(`${at}.map`, 'must be a list, or {"$from": ...} of one')
  }
  const reference = readReference(map, `${at}.map`)
  if (reference.root === 'item') throw invalid(`${at}.map.$from`, 'must not be a part of itself')
  yield { reference, at: `${at}.map` }
}

function assertInput({ type, input }: GraphTask, at: string): void {
  const { needs, takes } = TASK_IO[type]
  const unknown = Object.keys(input).find((name) => !(takes as readonly string[]).includes(name))
  if (unknown !== undefined) {
    throw invalid(
      `${at}.input.${unknown.slice(0, 64)}`,
      `is nothing that ${type} takes: ${takes.join(', ')}`
    )
  }
  if (needs.some((name) => Object.hasOwn(input, name))) return
  throw invalid(`${at}.input`, `needs ${needs.join(' or ')}: it is the input of ${type}`)
}

function assertJobReference({ path }: Reference, at: string): void {
  if (path[0] !== 'input') throw invalid(`${at}.$from`, 'knows of the job only "job.input"')
}

function assertItem(task: GraphTask, at: string): void {
  if (task.map === undefined) {
    throw invalid(`${at}.$from`, '"item" is the part of a map, and this task has none')
  }
}

/** The id of the task; throws where it has no such output. */
function assertOutput(
  { root, path }: Reference,
  at: string,
  task: GraphTask,
  byId: ReadonlyMap<string, GraphTask>
): string {
  const other = byId.get(root)
  if (other === undefined) throw invalid(`${at}.$from`, `"${root}" is no task of this graph`)
  if (other === task) throw invalid(`${at}.$from`, 'is the task itself')
  const isPart = other.map !== undefined && /^\d+$/.test(path[0] ?? '')
  const field = isPart ? path[1] : path[0]
  const gives: readonly string[] = [...TASK_IO[other.type].gives, 'artifacts']
  if (field !== undefined && !gives.includes(field)) {
    throw invalid(
      `${at}.$from`,
      `"${field}" is nothing that ${other.type} puts out: ${gives.join(', ')}`
    )
  }
  return root
}

/** Kahn's algorithm: what is left when nothing is ready any more is a cycle. */
function assertOrder(tasks: readonly GraphTask[]): void {
  const waits = new Map(tasks.map(({ id, dependencies = [] }) => [id, dependencies.length]))
  const dependents = new Map<string, string[]>()
  for (const { id, dependencies = [] } of tasks) {
    for (const needed of dependencies) {
      const known = dependents.get(needed)
      if (known === undefined) dependents.set(needed, [id])
      else known.push(id)
    }
  }
  let ready = tasks.filter(({ id }) => waits.get(id) === 0).map(({ id }) => id)
  let depth = 0
  let ended = 0
  while (ready.length > 0) {
    depth += 1
    ended += ready.length
    const next: string[] = []
    for (const id of ready.flatMap((each) => dependents.get(each) ?? [])) {
      const left = waits.get(id)! - 1
      waits.set(id, left)
      if (left === 0) next.push(id)
    }
    ready = next
  }
  if (ended < tasks.length) throw invalid('tasks', `wait for each other: ${cycleIn(tasks, waits)}`)
  if (depth > DEPTH_MAX) {
    throw invalid('tasks', `form a chain of ${depth}; at most ${DEPTH_MAX} may wait in a row`)
  }
}

const SHOWN_MAX = 8

/** One cycle, as `a → b → a`: from a task that still waits, along what it waits for. */
function cycleIn(tasks: readonly GraphTask[], waits: ReadonlyMap<string, number>): string {
  const byId = new Map(tasks.map((task) => [task.id, task]))
  const isOpen = (id: string) => (waits.get(id) ?? 0) > 0
  const way: string[] = []
  let id = tasks.find((task) => isOpen(task.id))!.id
  while (!way.includes(id)) {
    way.push(id)
    id = byId.get(id)!.dependencies!.find(isOpen)!
  }
  const cycle = [...way.slice(way.indexOf(id)), id]
  const shown = cycle.length > SHOWN_MAX ? [...cycle.slice(0, SHOWN_MAX), '…'] : cycle
  return shown.join(' → ')
}
