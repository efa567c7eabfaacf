/**
 * From a pipeline to the tasks of a job. Objects that are pipelines themselves are opened into it,
 * so that all nodes that need nothing of each other run at the same time. Pure.
 */
import type { Binding, PipelineBundle, PipelineNode } from '#shared/contracts/functions/bundle.ts'
import type { StartRun } from '#shared/contracts/functions/runs.ts'
import { TASKS_MAX, type GraphTask } from '#shared/contracts/jobs/graph.ts'
import { HaifError } from '#shared/errors.ts'
import { nodesInOrder } from '#shared/functions/check-pipeline.ts'
import { assertPorts } from '#shared/functions/pipeline-signature.ts'
import { fittingArguments } from './arguments.ts'
import { functionTask } from './function-task.ts'
import type { ResolvedObject } from './resolved-object.ts'

/** What stands for a value: itself, or the place where a task will have put it. */
type Value = { literal: unknown } | { from: string }
type Values = ReadonlyMap<string, Value>

export interface PipelineTasks {
  tasks: GraphTask[]
  /** The task whose value is the result. */
  output: string
}

interface Expansion {
  tenant: string
  run: StartRun
  /** The objects that nodes name, by their references. */
  objects: ReadonlyMap<string, ResolvedObject>
  tasks: GraphTask[]
}

const PROMPT = [{ name: 'prompt', type: 'str' }]
/** Pipelines in pipelines. */
const DEPTH_MAX = 8

export function pipelineTasks(
  pipeline: PipelineBundle,
  objects: ReadonlyMap<string, ResolvedObject>,
  { run, tenant }: { run: StartRun; tenant: string }
): PipelineTasks {
  const { arguments: given = {}, output = pipeline.output } = run
  if (!pipeline.nodes.some(({ id }) => id === output)) {
    throw invalid('output', `"${output}" is no node of the pipeline`)
  }
  const values = new Map(Object.entries(given).map(([name, literal]) => [name, { literal }]))
  const expansion: Expansion = { tenant, run, objects, tasks: [] }
  const used = new Set<string>()
  const result = expand(expansion, { ...pipeline, output }, { values, used, prefix: '', depth: 0 })
  const unknown = Object.keys(given).find((name) => !used.has(name))
  if (unknown !== undefined) throw invalid(`arguments.${unknown}`, 'is no input of the pipeline')
  if (!('from' in result)) throw invalid('output', 'is no node that runs')
  return { tasks: expansion.tasks, output: result.from.split('.')[0]! }
}

interface Inside {
  values: Values
  /** Inputs that some node has taken. */
  used: Set<string>
  prefix: string
  depth: number
}

/** Adds the tasks of the nodes that the output needs; returns where its value will be. */
function expand(to: Expansion, pipeline: PipelineBundle, inside: Inside): Value {
  if (inside.depth > DEPTH_MAX) throw invalid('object', 'is a pipeline in too many others')
  const made = new Map<string, Value>()
  for (const node of nodesInOrder(pipeline, [pipeline.output])) {
    made.set(
      node.id,
      node.kind === 'infer' ? infer(to, node, made, inside) : object(to, node, made, inside)
    )
    if (to.tasks.length > TASKS_MAX) throw invalid('object', `has over ${TASKS_MAX} nodes`)
  }
  return made.get(pipeline.output)!
}

function object(
  to: Expansion,
  node: PipelineNode & { kind: 'object' },
  made: Values,
  inside: Inside
): Value {
  const found = to.objects.get(node.object)
  if (found === undefined) throw invalid('object', `names ${node.object}, which is unknown`)
  assertPorts(node, found.inputs)
  const values = boundValues(node, found.inputs, made, inside)
  const id = `${inside.prefix}${node.id}`
  if (found.pipeline !== undefined) {
    const deeper = { values, used: new Set<string>(), prefix: `${id}-`, depth: inside.depth + 1 }
    return expand(to, found.pipeline, deeper)
  }
  const args = fittingArguments(found.inputs, Object.fromEntries(written(values)))
  const where = { machine: node.machine, run: to.run }
  to.tasks.push({ ...functionTask(found, args, { tenant: to.tenant, ...where }), id: taskId(id) })
  return { from: `${taskId(id)}.value` }
}

function infer(
  to: Expansion,
  node: PipelineNode & { kind: 'infer' },
  made: Values,
  inside: Inside
): Value {
  assertPorts(node, PROMPT)
  const values = boundValues(node, PROMPT, made, inside)
  const [prompt] = written(values)
  if (prompt === undefined) throw invalid('arguments.prompt', 'is missing: a text')
  const { model, system, max_tokens, temperature } = node
  const options = { model, system, max_tokens, temperature }
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  const id = taskId(`${inside.prefix}${node.id}`)
  const input = { prompt: prompt[1], ...Object.fromEntries(given) }
  to.tasks.push({ id, type: 'llm_inference', input, retries: to.run.retries ?? 2 })
  return { from: `${id}.text` }
}

/** By the names of the node's inputs; what nobody binds is an input of the pipeline. */
function boundValues(
  { inputs }: PipelineNode,
  ports: readonly { name: string }[],
  made: Values,
  { values, used }: Inside
): Map<string, Value> {
  const bound = new Map<string, Value>()
  for (const { name } of ports) {
    const binding: Binding = inputs[name] ?? { input: name }
    if ('value' in binding) bound.set(name, { literal: binding.value })
    else if ('node' in binding) bound.set(name, made.get(binding.node)!)
    else {
      const value = values.get(binding.input)
      if (value === undefined) continue
      used.add(binding.input)
      bound.set(name, value)
    }
  }
  return bound
}

/** As a task has them. */
const written = (values: Values): [string, unknown][] =>
  [...values].map(([name, value]) => [
    name,
    'from' in value ? { $from: value.from } : value.literal
  ])

/** Names of nodes that are too long together with those around them are cut, and stay apart. */
function taskId(id: string): string {
  if (id.length <= ID_MAX) return id
  let sum = 0
  for (const character of id) sum = (sum * 31 + character.charCodeAt(0)) >>> 0
  return `${id.slice(0, ID_MAX - 9)}-${sum.toString(16).padStart(8, '0')}`
}

const ID_MAX = 64

function invalid(param: string, problem: string): HaifError {
  return new HaifError('VALIDATION_FAILED', `${param} ${problem}`, { details: { param } })
}
