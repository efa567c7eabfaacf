/** An object as a tool of a chat: its name, and a JSON Schema of what it takes. Pure. */
import type { Port } from '#shared/contracts/functions/bundle.ts'
import type { ObjectView } from '#shared/contracts/functions/objects.ts'

const KINDS: Readonly<Record<string, string>> = {
  int: 'integer',
  integer: 'integer',
  float: 'number',
  number: 'number',
  str: 'string',
  string: 'string',
  bool: 'boolean',
  boolean: 'boolean',
  list: 'array',
  tuple: 'array',
  set: 'array',
  dict: 'object'
}

export function toolOf({ name, description, signature }: ObjectView): object {
  const { inputs } = signature
  return {
    type: 'function',
    function: {
      name,
      ...(description === undefined ? {} : { description }),
      parameters: {
        type: 'object',
        properties: Object.fromEntries(inputs.map((port) => [port.name, portSchema(port)])),
        required: inputs.filter(({ optional = false }) => !optional).map((port) => port.name),
        additionalProperties: false
      }
    }
  }
}

function portSchema({ type, ...port }: Port): object {
  const schema = typeSchema(type ?? '')
  return 'default' in port ? { ...schema, default: port.default } : schema
}

/** `list[int]`, `str | None`, `Optional[str]`; what JSON Schema has no word for is anything. */
function typeSchema(type: string): object {
  const parts = type.split('|').map((part) => part.trim())
  const inner = /^(?:typing\.)?Optional\[(.*)\]$/.exec(type)?.[1]
  if (inner !== undefined) return typeSchema(`${inner} | None`)
  if (parts.length > 1) {
    const kinds = parts.map((part) => (part === 'None' ? 'null' : KINDS[part]))
    return kinds.includes(undefined) ? {} : { type: kinds }
  }
  const [, outer = type, of] = /^(\w+)\[(.*)\]$/.exec(type) ?? []
  const kind = KINDS[outer.toLowerCase()]
  if (kind === undefined) return {}
  return kind === 'array' && of !== undefined
    ? { type: kind, items: typeSchema(of) }
    : { type: kind }
}
