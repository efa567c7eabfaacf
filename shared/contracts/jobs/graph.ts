/**
 * A graph of tasks, as a caller or a planner writes it. What a schema cannot say (cycles, unknown
 * dependencies, references) is checked by `services/jobs/graph`.
 */
import { Type, type Static } from 'typebox'
import { ModelName } from '../inference/model-name.ts'
import { PlainText } from '../plain-text.ts'

/** Beyond it a graph is several jobs. */
export const TASKS_MAX = 1000
/** Of the JSON of one task's input, and of a job's. */
export const INPUT_BYTES_MAX = 1_048_576
/** Of a whole submission: a message between two peers may have 4 MiB. */
export const GRAPH_BYTES_MAX = 3_145_728
/** Parts of one `map`. */
export const MAP_ITEMS_MAX = 1000
/** Tasks of the longest chain of dependencies. */
export const DEPTH_MAX = 100
const DEPENDENCIES_MAX = 256

export const DEFAULT_RETRIES = 2
const RETRIES_MAX = 10
export const DEFAULT_TIMEOUT_MS = 600_000
const TIMEOUT_MS_MAX = 86_400_000
const LABELS_MAX = 32
const WORKERS_MAX = 64

export const TASK_TYPES = [
  'llm_inference',
  'embedding',
  'retrieval',
  'aggregation',
  'tool_execution',
  'model_download',
  'function'
] as const
export const TaskType = Type.Enum(TASK_TYPES)
export type TaskType = Static<typeof TaskType>

/** No dots: `{"$from": "t1.text"}` ends the name of the task with one. */
export const TASK_ID_PATTERN = '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$'
/** Names that a reference gives another meaning: the caller's input, and the part of a map. */
export const RESERVED_IDS = ['job', 'item'] as const

const TaskId = Type.String({
  pattern: TASK_ID_PATTERN,
  description: 'Letters, digits, `_` and `-`; not `job` or `item`.'
})

/** Where a task may run. It waits, and says for what, until a worker fits. */
export const TaskConstraints = Type.Object(
  {
    gpu: Type.Optional(Type.Boolean({ description: 'Only on a worker with a GPU.' })),
    model: Type.Optional(ModelName),
    region: Type.Optional(PlainText(64, 1)),
    labels: Type.Optional(
      Type.Record(PlainText(64, 1), PlainText(64), { maxProperties: LABELS_MAX })
    ),
    workers: Type.Optional(
      Type.Array(PlainText(128, 1), {
        maxItems: WORKERS_MAX,
        description: 'Only on one of these: names, or keys in hex.'
      })
    ),
    /** No condition: of the workers that fit, those come first that have built these packages. */
    packages: Type.Optional(Type.String({ pattern: '^[0-9a-f]{32}$' }))
  },
  { description: 'Where the task may run; it waits until a worker fits.' }
)
export type TaskConstraints = Static<typeof TaskConstraints>

export const GraphTask = Type.Object({
  id: TaskId,
  type: TaskType,
  /** By the type. A value `{"$from": "t1.text"}` is replaced by what the task `t1` has put out. */
  input: Type.Record(PlainText(64, 1), Type.Unknown(), {
    maxProperties: 64,
    description:
      'By the type of the task. `{"$from": "t1.text"}` stands for a field of what another task ' +
      'put out, `{"$concat": [...]}` for texts and such references joined to one text.'
  }),
  dependencies: Type.Optional(Type.Array(TaskId, { maxItems: DEPENDENCIES_MAX })),
  timeoutMs: Type.Optional(
    Type.Integer({ minimum: 1000, maximum: TIMEOUT_MS_MAX, description: 'Of one attempt.' })
  ),
  retries: Type.Optional(
    Type.Integer({ minimum: 0, maximum: RETRIES_MAX, description: 'Attempts after the first.' })
  ),
  constraints: Type.Optional(TaskConstraints),
  map: Type.Optional(
    Type.Unknown({
      description:
        'A list, or `{"$from": ...}` of one: the task runs once for each of its parts, which ' +
        '`{"$from": "item"}` names. Who refers to the task gets the list of its outputs.'
    })
  )
})
export type GraphTask = Static<typeof GraphTask>

export const GraphTasks = Type.Array(GraphTask, { minItems: 1, maxItems: TASKS_MAX })
