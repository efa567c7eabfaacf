/** The parts of an OpenAPI description that the page shows. */

export interface Schema {
  type?: string | string[]
  description?: string
  enum?: unknown[]
  const?: unknown
  default?: unknown
  format?: string
  pattern?: string
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
  additionalProperties?: boolean | Schema
}

interface Parameter {
  name: string
  in: string
  required?: boolean
  description?: string
  schema?: Schema
}

interface Content {
  description?: string
  content?: Record<string, { schema?: Schema }>
}

interface OperationBody {
  tags?: string[]
  summary?: string
  description?: string
  operationId?: string
  security?: unknown[]
  parameters?: Parameter[]
  requestBody?: Content
  responses?: Record<string, Content>
}

export interface Spec {
  info: { title: string; version: string }
  tags?: { name: string; description?: string }[]
  paths: Record<string, Record<string, OperationBody>>
}

export interface Reply {
  status: string
  description: string
  /** Absent where no body is told. */
  schema?: Schema
}

export interface Operation {
  /** `post /v1/jobs`: also the anchor of the page. */
  id: string
  method: string
  path: string
  summary: string
  description: string
  needsToken: boolean
  parameters: Parameter[]
  body?: Schema
  replies: Reply[]
}

export interface Group {
  name: string
  description: string
  operations: Operation[]
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete', 'head', 'options']

/** By their first tag, in the order in which the description has the tags. */
export function groupsOf({ tags = [], paths }: Spec): Group[] {
  const groups = new Map<string, Group>(
    tags.map(({ name, description = '' }) => [name, { name, description, operations: [] }])
  )
  for (const [path, item] of Object.entries(paths)) {
    for (const method of METHODS) {
      const body = item[method]
      if (body === undefined) continue
      const name = body.tags?.[0] ?? 'more'
      const group = groups.get(name) ?? { name, description: '', operations: [] }
      group.operations.push(operationOf(method, path, body))
      groups.set(name, group)
    }
  }
  return [...groups.values()].filter(({ operations }) => operations.length > 0)
}

function operationOf(method: string, path: string, body: OperationBody): Operation {
  const operation: Operation = {
    id: `${method} ${path}`,
    method,
    path,
    summary: body.summary ?? '',
    description: body.description ?? '',
    needsToken: (body.security ?? []).length > 0,
    parameters: body.parameters ?? [],
    replies: Object.entries(body.responses ?? {}).map(([status, reply]) => {
      const schema = schemaIn(reply)
      const told = { status: status.toUpperCase(), description: reply.description ?? '' }
      return schema === undefined ? told : { ...told, schema }
    })
  }
  const asked = schemaIn(body.requestBody)
  return asked === undefined ? operation : { ...operation, body: asked }
}

const schemaIn = (content: Content | undefined): Schema | undefined =>
  Object.values(content?.content ?? {})[0]?.schema

/** Every word has to be somewhere in the operation. */
export function found(groups: readonly Group[], search: string): Group[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return [...groups]
  return groups.flatMap((group) => {
    const operations = group.operations.filter(({ id, summary, description }) => {
      const text = `${group.name} ${id} ${summary} ${description}`.toLowerCase()
      return words.every((word) => text.includes(word))
    })
    return operations.length === 0 ? [] : [{ ...group, operations }]
  })
}
