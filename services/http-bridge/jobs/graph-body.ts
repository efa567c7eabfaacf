/**
 * Tasks of a graph over HTTP. They may be written as here (`id`, `input`, `timeout_ms`, `retries`)
 * or as in SPLAI (`task_id`, `inputs`, `timeout_sec`, `max_retries`, `resources`), so that what
 * `/v1/planner/compile` answers can be submitted as it is.
 */
import { Type } from 'typebox'
import { GraphTask, TASKS_MAX } from '#shared/contracts/jobs/graph.ts'
import { HaifError } from '#shared/errors.ts'

const SECOND_MS = 1000

type Fields = Record<string, unknown>
const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The body with its tasks as here. What is no task is left to the check. */
export function withPlainTasks(body: unknown): unknown {
  if (!isObject(body) || !Array.isArray(body['tasks'])) return body
  if (body['tasks'].length > TASKS_MAX) {
    // Before a check that would look at each of them.
    const message = `tasks must have at most ${TASKS_MAX} items`
    throw new HaifError('VALIDATION_FAILED', message, { details: { param: 'tasks' } })
  }
  return { ...body, tasks: body['tasks'].map((task) => (isObject(task) ? plainTask(task) : task)) }
}

function plainTask(task: Fields): Fields {
  const { task_id: id, inputs: input, timeout_sec, max_retries: retries, resources, ...own } = task
  const others: Fields = {}
  if (id !== undefined) others['id'] = id
  if (input !== undefined) others['input'] = input
  if (retries !== undefined) others['retries'] = retries
  if (timeout_sec !== undefined) {
    others['timeout_ms'] = typeof timeout_sec === 'number' ? timeout_sec * SECOND_MS : timeout_sec
  }
  // Of the resources of SPLAI only a GPU is a matter of where; the others are of how much.
  const wantsGpu = isObject(resources) && resources['gpu'] === true
  if (wantsGpu) {
    others['constraints'] = {
      ...(isObject(own['constraints']) ? own['constraints'] : {}),
      gpu: true
    }
  }
  return { ...own, ...others }
}

const { timeoutMs: _, ...plain } = GraphTask.properties

/** A task as `/v1/planner/compile` answers it. */
export const CompiledTask = Type.Object({
  task_id: plain.id,
  type: plain.type,
  inputs: plain.input,
  dependencies: Type.Array(plain.id),
  timeout_sec: Type.Optional(Type.Number({ minimum: 1 })),
  max_retries: plain.retries,
  constraints: plain.constraints,
  map: plain.map
})

export function compiledTask(task: GraphTask): Fields {
  const { id, type, input, dependencies = [], timeoutMs, retries, constraints, map } = task
  return {
    task_id: id,
    type,
    inputs: input,
    dependencies,
    ...(timeoutMs === undefined ? {} : { timeout_sec: timeoutMs / SECOND_MS }),
    ...(retries === undefined ? {} : { max_retries: retries }),
    ...(constraints === undefined ? {} : { constraints }),
    ...(map === undefined ? {} : { map })
  }
}
