/**
 * A bundle: all that a version of an object is, as one JSON text. Its name is the SHA-256 of that
 * text, and its publisher has signed it, so nobody on the way can change what runs.
 */
import { Type, type Static } from 'typebox'
import { ModelName } from '../inference/model-name.ts'
import { TASK_ID_PATTERN } from '../jobs/graph.ts'
import { PlainText } from '../plain-text.ts'

/** Of the text: it travels in one message, which may have 4 MiB. */
export const BUNDLE_BYTES_MAX = 3 << 20
const FILES_MAX = 64
const DEPENDENCIES_MAX = 64
const PORTS_MAX = 64
const NODES_MAX = 200
const TEXT_MAX = 4096

/** Of objects, libraries and ports: no dots and slashes, so no name is a way to somewhere else. */
const NAME_PATTERN = '^[A-Za-z_][A-Za-z0-9_-]{0,63}$'
export const SECRET_NAME_PATTERN = '^[A-Za-z_][A-Za-z0-9_]{0,63}$'
const PLAIN_NAME = NAME_PATTERN.slice(1, -1)

/** `[[owner/]library/]name[@version]`: a number, `latest`, or a beginning of a hash. */
export const OBJECT_REF_PATTERN =
  `^(([A-Za-z0-9][A-Za-z0-9._-]{0,63}/)?${PLAIN_NAME}/)?${PLAIN_NAME}` +
  '(@(latest|[0-9]{1,9}|[0-9a-f]{12,64}))?$'
export const ObjectRef = Type.String({
  pattern: OBJECT_REF_PATTERN,
  description: '`[[owner/]library/]name[@version]`'
})

const TaskId = Type.String({ pattern: TASK_ID_PATTERN })

export const ObjectName = Type.String({
  pattern: NAME_PATTERN,
  description: 'A letter, then letters, digits, `_` and `-`.'
})

/** Something that goes in or comes out. */
export const Port = Type.Object({
  name: ObjectName,
  /** As the language writes it: `int`, `list[str]`, `number`. Absent: anything. */
  type: Type.Optional(PlainText(256, 1)),
  /** It may be left out. */
  optional: Type.Optional(Type.Boolean()),
  /** What it is then. */
  default: Type.Optional(Type.Unknown())
})
export type Port = Static<typeof Port>

export const Signature = Type.Object({
  inputs: Type.Array(Port, { maxItems: PORTS_MAX }),
  outputs: Type.Array(Port, { maxItems: PORTS_MAX })
})
export type Signature = Static<typeof Signature>

/** Relative, with slashes, and no part that leads upwards. */
const SEGMENT = '(?!\\.{1,2}(/|$))[A-Za-z0-9._+-]{1,128}'
const FilePath = Type.String({ pattern: `^(?=.{1,200}$)${SEGMENT}(/${SEGMENT}){0,8}$` })

/** A text, or any bytes in base64. */
const FileBody = Type.Union([Type.String(), Type.Object({ base64: Type.String() })])

/** Exact pins: two machines that build the same environment get the same packages. */
const Pin = Type.String({
  pattern:
    '^(@[a-z0-9._-]{1,64}/)?[A-Za-z0-9][A-Za-z0-9._-]{0,127}(\\[[A-Za-z0-9,._-]{1,128}\\])?==[A-Za-z0-9.!+_-]{1,64}$',
  description: '`name==version`.'
})

export const RUNTIMES = ['python', 'node'] as const
export type RuntimeName = (typeof RUNTIMES)[number]

export const FunctionBundle = Type.Object(
  {
    haif: Type.Literal(1),
    kind: Type.Literal('function'),
    runtime: Type.Enum(RUNTIMES),
    /** `3.10`: that Python, or one of those that are as new. Absent: any. */
    version: Type.Optional(Type.String({ pattern: '^[0-9]{1,3}(\\.[0-9]{1,3})?$' })),
    /** A file of the bundle, and the name of the function in it. */
    module: FilePath,
    entry: Type.String({ pattern: '^[A-Za-z_$][A-Za-z0-9_$]{0,63}$' }),
    signature: Signature,
    description: Type.Optional(Type.String({ maxLength: TEXT_MAX })),
    dependencies: Type.Optional(Type.Array(Pin, { maxItems: DEPENDENCIES_MAX })),
    /** Secrets that it needs, by their names; somebody has to grant them to it. */
    secrets: Type.Optional(
      Type.Array(Type.String({ pattern: SECRET_NAME_PATTERN }), { maxItems: 16 })
    ),
    /** Those below `wheels/` are packages to install, and not there when it runs. */
    files: Type.Record(FilePath, FileBody, {
      maxProperties: FILES_MAX,
      additionalProperties: false
    })
  },
  { additionalProperties: false }
)
export type FunctionBundle = Static<typeof FunctionBundle>

/** Where an input of a node comes from: another node, an input of the pipeline, or here. */
export const Binding = Type.Union([
  Type.Object({ node: TaskId }, { additionalProperties: false }),
  Type.Object({ input: ObjectName }, { additionalProperties: false }),
  Type.Object({ value: Type.Unknown() }, { additionalProperties: false })
])
export type Binding = Static<typeof Binding>

const Bindings = Type.Record(ObjectName, Binding, {
  maxProperties: PORTS_MAX,
  additionalProperties: false
})

/** An object of the catalogue, or a question to a model. */
export const PipelineNode = Type.Union([
  Type.Object(
    {
      id: TaskId,
      kind: Type.Literal('object'),
      object: ObjectRef,
      inputs: Bindings,
      /** A worker's name or key: a node that is pinned runs there and nowhere else. */
      machine: Type.Optional(PlainText(128, 1))
    },
    { additionalProperties: false }
  ),
  Type.Object(
    {
      id: TaskId,
      kind: Type.Literal('infer'),
      inputs: Bindings,
      model: Type.Optional(ModelName),
      system: Type.Optional(Type.String({ maxLength: 65_536 })),
      max_tokens: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
      temperature: Type.Optional(Type.Number({ minimum: 0, maximum: 2 }))
    },
    { additionalProperties: false }
  )
])
export type PipelineNode = Static<typeof PipelineNode>

export const PipelineBundle = Type.Object(
  {
    haif: Type.Literal(1),
    kind: Type.Literal('pipeline'),
    nodes: Type.Array(PipelineNode, { minItems: 1, maxItems: NODES_MAX }),
    /** The node whose value is the result. */
    output: TaskId,
    description: Type.Optional(Type.String({ maxLength: TEXT_MAX }))
  },
  { additionalProperties: false }
)
export type PipelineBundle = Static<typeof PipelineBundle>
export type Bundle = FunctionBundle | PipelineBundle

export const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' })

/** By whom, as the Ed25519 signature over `haif bundle <sha256>`. */
export const BundleSeal = Type.Object({
  publisher: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  signature: Type.String({ pattern: '^[0-9a-f]{128}$' })
})
export type BundleSeal = Static<typeof BundleSeal>

/** What is signed: a signature over a bundle is none over anything else. */
export const sealedText = (sha256: string): string => `haif bundle ${sha256}`
