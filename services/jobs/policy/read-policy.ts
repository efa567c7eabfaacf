/**
 * Reads a policy that a person wrote as YAML. It is refused as a whole if anything in it is not
 * understood: a misspelt field of a rule would match everything.
 */
import { Type, type TObject, type TSchema } from 'typebox'
import { Compile } from '#shared/validator.ts'
import { parseDocument } from 'yaml'
import {
  POLICY_BYTES_MAX,
  PolicyDocument,
  type PolicyDocument as Policy
} from '#shared/contracts/jobs/policy.ts'
import { HaifError } from '#shared/errors.ts'

/** Every alias of a YAML file may multiply what it stands for. */
const ALIASES_MAX = 50

export function readPolicy(text: string): Policy {
  if (Buffer.byteLength(text) > POLICY_BYTES_MAX) throw refused('it is over 256 KiB')
  const value = readYaml(text) ?? {}
  if (!strictPolicy.Check(value)) throw refused(problemIn(value))
  const policy = value as Policy
  assertNames(policy)
  return policy
}

/** The name of a rule by which decisions call it. */
export const ruleName = (rule: { name?: string }, place: number): string =>
  rule.name ?? `rule ${place + 1}`

function readYaml(text: string): unknown {
  const document = parseDocument(text, { schema: 'core', uniqueKeys: true, prettyErrors: true })
  const [error] = document.errors
  if (error !== undefined) {
    const line = error.linePos?.[0].line
    const [message = ''] = error.message.split('\n', 1)
    throw refused(message.replace(/ at line.*$/, ''), line)
  }
  try {
    return document.toJS({ maxAliasCount: ALIASES_MAX })
  } catch (error) {
    throw refused((error as Error).message)
  }
}

/** The first thing that does not fit, with where it is: `rules.0.match.tennant`. */
function problemIn(value: unknown): string {
  const errors = strictPolicy.Errors(value)
  const error = errors.find(({ keyword }) => keyword === 'boolean') ?? errors[0]
  if (error === undefined) return 'it is malformed'
  const at = error.instancePath.slice(1).replaceAll('/', '.')
  const where = at === '' ? 'it' : at
  if (error.keyword === 'boolean') return `${where} is not a known field`
  if (error.keyword === 'enum') return `${where} must be ${error.params.allowedValues.join(' or ')}`
  return `${where} ${error.message}`
}

function refused(problem: string, line?: number): HaifError {
  const where = line === undefined ? '' : `, line ${line}`
  return new HaifError('VALIDATION_FAILED', `the policy cannot be read${where}: ${problem}`, {
    details: { param: 'policy', ...(line === undefined ? {} : { line }) }
  })
}

function assertNames({ rules = [] }: Policy): void {
  const names = new Set<string>()
  for (const [place, rule] of rules.entries()) {
    const name = ruleName(rule, place)
    if (names.has(name)) throw refused(`two rules are called "${name}"`)
    names.add(name)
  }
}

/** The contract of the mesh passes over fields of a newer HAIF; people are told of each. */
function strict(schema: TSchema): TSchema {
  const node = schema as { items?: TSchema; properties?: Record<string, TSchema> }
  if (node.items !== undefined) {
    const { items, properties: _, ...options } = node
    return keepOptional(schema, Type.Array(strict(items), options))
  }
  if (node.properties === undefined) return schema
  const entries = Object.entries(node.properties)
  const properties = Object.fromEntries(entries.map(([name, inner]) => [name, strict(inner)]))
  return keepOptional(schema, Type.Object(properties, { additionalProperties: false }))
}

const keepOptional = (from: TSchema, to: TSchema): TSchema =>
  '~optional' in from ? Type.Optional(to) : to

const strictPolicy = Compile(strict(PolicyDocument) as TObject)
