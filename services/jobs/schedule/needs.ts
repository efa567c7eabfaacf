/**
 * What a place must have to run a task, and whether a place has it. Tasks of a tenant with the same
 * needs stand in one lane: whatever holds for the first of them holds for all.
 */
import { hash } from 'node:crypto'
import type { GraphTask, TaskConstraints, TaskType } from '#shared/contracts/jobs/graph.ts'
import type { TaskOffer } from '#shared/contracts/jobs/task-run.ts'

/** Also what a policy decides by, which may forbid a place. */
export interface Needs extends TaskConstraints {
  type: TaskType | 'map'
  jobType?: string
  policy?: string | undefined
  priority?: string
  dataClassification?: string | undefined
  networkIsolation?: string | undefined
}

/** A worker, as far as it matters to what may run there. */
export interface PlaceFacts extends Omit<TaskOffer, 'places'> {
  key: string
  /** From its certificate. */
  name?: string
}

/** The key has a fixed length, because an index holds it. */
export function needsKeyOf(needs: string): string {
  return hash('sha256', needs, 'base64url').slice(0, 22)
}

/** The same needs are the same text, in whatever order somebody wrote them. */
export function needsText(needs: Needs): string {
  return JSON.stringify(sorted(needs))
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const entries = Object.entries(value).filter(([, each]) => each !== undefined)
  return Object.fromEntries(
    entries.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, each]) => [name, sorted(each)])
  )
}

/** What an owner says at the start of a worker, so that it takes tasks of a type. */
const ALLOWED_BY: Readonly<Record<string, string>> = {
  function: '--functions',
  tool_execution: '--allow-tools',
  model_download: '--allow-downloads'
}

/** What every place lacks that is for other types of tasks. */
export function lackOfType({ type }: Needs): string {
  const flag = ALLOWED_BY[type]
  const hint = flag === undefined ? '' : ` (start one with ${flag})`
  return `a worker that takes ${type} tasks${hint}`
}

/** Null: it may run there. Else what the worker lacks, in a few words. */
export function lackOf(needs: Needs, place: PlaceFacts): string | null {
  const { type, gpu = false, model, region, labels = {}, workers = [] } = needs
  if (!place.types.includes(type as TaskType)) return lackOfType(needs)
  if (gpu && !place.gpu) return 'a worker with a GPU'
  if (model !== undefined && !takesModel(needs, place)) return `a worker with the model ${model}`
  if (region !== undefined && place.region !== region) return `a worker in the region ${region}`
  for (const [name, value] of Object.entries(labels)) {
    if (place.labels?.[name] !== value) return `a worker with the label ${name}=${value}`
  }
  if (workers.length > 0 && !workers.some((each) => isNamed(place, each))) {
    return `the worker ${workers.join(' or ')}`
  }
  return null
}

/** What it takes is built there already. */
export const suitsAt = ({ packages }: Needs, { environments = [] }: PlaceFacts): boolean =>
  packages !== undefined && environments.includes(packages)

/** A worker that is to download a model does not have it yet. */
function takesModel({ type, model }: Needs, { models }: PlaceFacts): boolean {
  return type === 'model_download' || models.includes(model!)
}

/** By its name, or a beginning of its key that nobody mistypes by chance. */
export const isNamed = ({ key, name }: PlaceFacts, wanted: string): boolean =>
  name === wanted || key === wanted || (wanted.length >= 8 && key.startsWith(wanted))

/** The needs of a task of a graph. */
export function needsOf(task: GraphTask, job: Omit<Needs, 'type' | keyof TaskConstraints>): Needs {
  return { ...job, ...task.constraints, type: task.map === undefined ? task.type : 'map' }
}
