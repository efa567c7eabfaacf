/** What a schema cannot say of a pipeline: ids, nodes that are not there, cycles. Pure. */
import type { PipelineBundle, PipelineNode } from '#shared/contracts/functions/bundle.ts'
import { RESERVED_IDS } from '#shared/contracts/jobs/graph.ts'
import { HaifError } from '#shared/errors.ts'

/** The same pipeline. Throws VALIDATION_FAILED, with the field in `details.param`. */
export function checkPipeline(pipeline: PipelineBundle): PipelineBundle {
  const byId = new Map<string, PipelineNode>()
  for (const [at, node] of pipeline.nodes.entries()) {
    const param = `bundle.nodes.${at}`
    if (byId.has(node.id) || (RESERVED_IDS as readonly string[]).includes(node.id)) {
      throw invalid(`${param}.id`, `"${node.id}" is the id of two nodes, or has a meaning`)
    }
    byId.set(node.id, node)
    for (const [name, binding] of Object.entries(node.inputs)) {
      if ('value' in binding) assertLiteral(binding.value, `${param}.inputs.${name}`)
    }
  }
  for (const [at, node] of pipeline.nodes.entries()) {
    for (const needed of neededBy(node)) {
      if (byId.has(needed)) continue
      throw invalid(`bundle.nodes.${at}.inputs`, `"${needed}" is no node of the pipeline`)
    }
  }
  if (!byId.has(pipeline.output)) {
    throw invalid('bundle.output', `"${pipeline.output}" is no node of the pipeline`)
  }
  nodesInOrder(pipeline)
  return pipeline
}

const neededBy = ({ inputs }: PipelineNode): string[] =>
  Object.values(inputs).flatMap((binding) => ('node' in binding ? [binding.node] : []))

/** `wanted`, each after what it needs, and nothing else. Throws where nodes need each other. */
export function nodesInOrder(
  { nodes }: PipelineBundle,
  wanted: readonly string[] = nodes.map(({ id }) => id)
): PipelineNode[] {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const done = new Map<string, PipelineNode>()
  const visit = (id: string, above: readonly string[]): void => {
    if (done.has(id)) return
    if (above.includes(id)) {
      const way = [...above.slice(above.indexOf(id)), id].join(' → ')
      throw invalid('bundle.nodes', `need each other: ${way}`)
    }
    const node = byId.get(id)!
    for (const needed of neededBy(node)) visit(needed, [...above, id])
    done.set(id, node)
  }
  for (const id of wanted) visit(id, [])
  return [...done.values()]
}

/** A value that looks like a reference of a job would be taken for one. */
export function assertLiteral(value: unknown, param: string): void {
  if (typeof value !== 'object' || value === null) return
  for (const name of ['$from', '$concat']) {
    if (Object.hasOwn(value, name)) throw invalid(param, `cannot have a field ${name}`)
  }
  for (const inner of Object.values(value)) assertLiteral(inner, param)
}

function invalid(param: string, problem: string): HaifError {
  return new HaifError('VALIDATION_FAILED', `${param} ${problem}`, { details: { param } })
}
