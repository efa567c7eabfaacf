/** The task `aggregation`: merges the results of tasks, or splits what is too long for one. */
import { Type, type Static } from 'typebox'
import { Compile } from '#shared/validator.ts'
import type { TaskItem, TaskResult } from '#shared/contracts/jobs/task-run.ts'
import { HaifError } from '#shared/errors.ts'
import { parseJson } from '#shared/kit/parse-json.ts'
import { check } from '#shared/rpc/check.ts'
import { isArtifactUri, type TaskContext, type TaskKind } from '../task-kind.ts'
import { merge, STRATEGIES, type Piece } from './merge.ts'
import { groupItems, splitText } from './split.ts'

const PARTS_MAX = 1000
const PART_CHARACTERS = 8000
const ITEMS_MAX = 10_000
const ARTIFACTS_MAX = 256
/** Of all artifacts of one task together, as they are held in memory. */
const ARTIFACT_BYTES_MAX = 64 << 20

const AggregationInput = Type.Object({
  op: Type.Optional(Type.Enum(['merge', 'split'])),
  items: Type.Optional(Type.Unknown()),
  text: Type.Optional(Type.Unknown()),
  /** URIs of artifacts; each is a text, or JSON of a value or of a list. */
  artifacts: Type.Optional(Type.Unknown()),
  max_parts: Type.Optional(Type.Integer({ minimum: 1, maximum: PARTS_MAX })),
  part_characters: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000_000 })),
  by: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
  strategy: Type.Optional(Type.Enum(STRATEGIES))
})
type AggregationInput = Static<typeof AggregationInput>
const validator = Compile(AggregationInput)

export class Aggregation implements TaskKind {
  readonly type = 'aggregation'

  // oxlint-disable-next-line require-yield -- what it does takes no time worth telling of
  async *run(given: unknown, context: TaskContext): AsyncGenerator<TaskItem, TaskResult, void> {
    const input = check(validator, given, 'input')
    const pieces = await piecesOf(input, context)
    if (pieces.length > ITEMS_MAX) {
      const message = `there are ${pieces.length} items, and one task takes ${ITEMS_MAX}`
      throw new HaifError('VALIDATION_FAILED', message, { details: { param: 'items' } })
    }
    return { output: input.op === 'split' ? split(input, pieces) : mergeAll(input, pieces) }
  }
}

function mergeAll({ by, strategy = 'first' }: AggregationInput, pieces: readonly Piece[]): object {
  const { items, sources, conflicts } = merge(pieces, by, strategy)
  const text = items.map(textOf).join('\n\n')
  return { text, items, count: items.length, conflicts, sources, parts: items.map(textOf) }
}

function split(input: AggregationInput, pieces: readonly Piece[]): object {
  const { part_characters: characters = PART_CHARACTERS, max_parts: partsMax = 64 } = input
  if (input.items === undefined || pieces.length === 1) {
    const text = pieces.map(({ value }) => textOf(value)).join('\n\n')
    const parts = splitText(text, characters, partsMax)
    return { text, parts, items: parts, count: parts.length, conflicts: [], sources: [] }
  }
  const groups = groupItems(pieces, ({ value }) => textOf(value).length, characters, partsMax)
  const parts = groups.map((group) => group.map(({ value }) => textOf(value)).join('\n\n'))
  const items = groups.map((group) => group.map(({ value }) => value))
  const sources = groups.map((group) => group.map(({ from }) => from))
  return { text: parts.join('\n\n'), parts, items, count: parts.length, conflicts: [], sources }
}

async function piecesOf(input: AggregationInput, context: TaskContext): Promise<Piece[]> {
  const { items, text, artifacts } = input
  return [
    ...piecesIn(items, 'items'),
    ...piecesIn(text, 'text'),
    ...(await piecesOfArtifacts(artifacts, context))
  ]
}

/** Lists of lists, as a map over lists puts them out, are one list. */
function piecesIn(value: unknown, from: string): Piece[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) return [{ value, from }]
  return value.flatMap((each, i) =>
    Array.isArray(each) ? piecesIn(each, `${from}.${i}`) : [{ value: each, from: `${from}.${i}` }]
  )
}

async function piecesOfArtifacts(given: unknown, { artifacts }: TaskContext): Promise<Piece[]> {
  const uris = [...urisIn(given)]
  if (uris.length > ARTIFACTS_MAX) {
    const message = `there are ${uris.length} artifacts, and one task reads ${ARTIFACTS_MAX}`
    throw new HaifError('VALIDATION_FAILED', message, { details: { param: 'artifacts' } })
  }
  const pieces: Piece[] = []
  let room = ARTIFACT_BYTES_MAX
  for (const uri of uris) {
    const bytes = await artifacts.read(uri, room)
    room -= bytes.length
    const value = valueOf(bytes.toString('utf8'))
    pieces.push(
      ...(Array.isArray(value) ? value : [value]).map((each) => ({ value: each, from: uri }))
    )
  }
  return pieces
}

/** From a list, or from an object of names and URIs, as tasks put out their artifacts. */
function* urisIn(given: unknown): Generator<string> {
  if (isArtifactUri(given)) yield given
  else if (typeof given === 'object' && given !== null) {
    for (const each of Object.values(given)) yield* urisIn(each)
  } else if (given !== undefined && given !== null) {
    throw new HaifError('VALIDATION_FAILED', 'artifacts: each must be an artifact:// URI', {
      details: { param: 'artifacts' }
    })
  }
}

function valueOf(text: string): unknown {
  try {
    return parseJson(text)
  } catch {
    return text
  }
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  const { text } = (value ?? {}) as { text?: unknown }
  return typeof text === 'string' ? text : (JSON.stringify(value) ?? '')
}
