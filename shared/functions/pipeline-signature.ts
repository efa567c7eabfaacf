/** The inputs of a pipeline: those of its nodes that nobody binds, of one name each once. Pure. */
import type {
  PipelineBundle,
  PipelineNode,
  Port,
  Signature
} from '#shared/contracts/functions/bundle.ts'
import { HaifError } from '#shared/errors.ts'

const PROMPT: Port = { name: 'prompt', type: 'str' }

/** `portsOf`: the inputs of an object that a node names. */
export function pipelineSignature(
  { nodes, output }: PipelineBundle,
  portsOf: (ref: string) => readonly Port[]
): Signature {
  const free = new Map<string, Port>()
  for (const node of nodes) {
    const ports = node.kind === 'infer' ? [PROMPT] : portsOf(node.object)
    assertPorts(node, ports)
    for (const port of ports) {
      const binding = node.inputs[port.name]
      if (binding !== undefined && !('input' in binding)) continue
      const name = binding?.input ?? port.name
      free.set(name, joined(free.get(name), { ...port, name }))
    }
  }
  return { inputs: [...free.values()], outputs: [{ name: output }] }
}

/** What must be given to one of them must be given. */
function joined(known: Port | undefined, port: Port): Port {
  if (known === undefined) return port
  if (known.optional !== true) return known
  return port.optional === true ? known : port
}

/** Throws VALIDATION_FAILED where the node binds an input that there is not. */
export function assertPorts({ id, inputs }: PipelineNode, ports: readonly Port[]): void {
  const unknown = Object.keys(inputs).find((name) => !ports.some((port) => port.name === name))
  if (unknown === undefined) return
  const names = ports.map(({ name }) => name).join(', ') || 'nothing'
  throw new HaifError('VALIDATION_FAILED', `${id} has no input ${unknown}: it takes ${names}`, {
    details: { param: `bundle.nodes.${id}.inputs.${unknown}` }
  })
}
