/** Functions and pipelines in the catalogue: libraries, objects, versions, and who may do what. */
import { Type, type Static } from 'typebox'
import { TaskConstraints } from '../jobs/graph.ts'
import { SecretName, SECRETS_OF_ONE_MAX } from './secrets.ts'
import { TenantName } from '../jobs/submit.ts'
import { PlainText } from '../plain-text.ts'
import { BUNDLE_BYTES_MAX, BundleSeal, ObjectName, RUNTIMES, Sha256, Signature } from './bundle.ts'

export const LIST_MAX = 500
/** An object that is published without a library is in this one. */
export const DEFAULT_LIBRARY = 'main'
const GRANTS_MAX = 256
const Time = Type.Integer({ minimum: 0, maximum: 8_640_000_000_000_000 })
const Count = Type.Integer({ minimum: 1, maximum: 1_000_000_000 })

export const OBJECT_KINDS = ['function', 'pipeline'] as const

/** What a grant allows: to see that it is there, to read its source, to run it. */
export const GRANT_SCOPES = ['metadata:read', 'objects:read', 'execute'] as const
export const GrantScope = Type.Enum(GRANT_SCOPES)
export type GrantScope = Static<typeof GrantScope>

/** To a tenant, or with `*` to every tenant of the mesh. */
const Grantee = Type.String({ pattern: '^(\\*|[A-Za-z0-9][A-Za-z0-9._-]{0,63})$' })

export const VISIBILITIES = ['private', 'mesh'] as const

/** How the functions of a library run. What is left out is as the machine's owner has it. */
export const ExecutionPolicy = Type.Object({
  /** Where they run unless a run says otherwise: a worker's name or key. */
  machine: Type.Optional(PlainText(128, 1)),
  /** The only workers where they may run. */
  machines: Type.Optional(Type.Array(PlainText(128, 1), { minItems: 1, maxItems: 64 })),
  /** Only on workers that have these: see the constraints of a task. */
  gpu: Type.Optional(Type.Boolean()),
  region: TaskConstraints.properties.region,
  labels: TaskConstraints.properties.labels,
  /** A process may serve several runs of one version, one after the other. */
  warm: Type.Optional(Type.Boolean()),
  memoryBytes: Type.Optional(Type.Integer({ minimum: 1 << 20, maximum: 2 ** 40 })),
  wallMs: Type.Optional(Type.Integer({ minimum: 100, maximum: 86_400_000 }))
})
export type ExecutionPolicy = Static<typeof ExecutionPolicy>

const LibraryName = Type.Object({ owner: TenantName, library: ObjectName })

export const LibraryView = Type.Object({
  ...LibraryName.properties,
  displayName: Type.Optional(PlainText(128)),
  visibility: Type.Enum(VISIBILITIES),
  policy: ExecutionPolicy,
  /** Only for its owner. */
  grants: Type.Optional(
    Type.Array(Type.Object({ to: Grantee, scopes: Type.Array(GrantScope) }), {
      maxItems: GRANTS_MAX
    })
  ),
  objects: Type.Integer({ minimum: 0 }),
  createdAt: Time
})
export type LibraryView = Static<typeof LibraryView>

export const SetLibrary = Type.Object({
  library: ObjectName,
  displayName: Type.Optional(PlainText(128)),
  visibility: Type.Optional(Type.Enum(VISIBILITIES)),
  policy: Type.Optional(ExecutionPolicy)
})
export type SetLibrary = Static<typeof SetLibrary>

/** Replaces what the grantee had; no scopes withdraw it. */
export const SetGrant = Type.Object({
  library: ObjectName,
  to: Grantee,
  scopes: Type.Array(GrantScope, { maxItems: GRANT_SCOPES.length })
})
export type SetGrant = Static<typeof SetGrant>

export const VersionView = Type.Object({
  number: Count,
  sha256: Sha256,
  publisher: BundleSeal.properties.publisher,
  createdAt: Time
})
export type VersionView = Static<typeof VersionView>

export const ObjectView = Type.Object({
  ...LibraryName.properties,
  name: ObjectName,
  kind: Type.Enum(OBJECT_KINDS),
  /** Names of those that it needs. */
  secrets: Type.Optional(Type.Array(SecretName, { maxItems: SECRETS_OF_ONE_MAX })),
  displayName: Type.Optional(PlainText(128)),
  /** The version that was asked for; of lists the latest. */
  version: VersionView,
  runtime: Type.Optional(Type.Enum(RUNTIMES)),
  signature: Signature,
  description: Type.Optional(Type.String({ maxLength: 4096 })),
  dependencies: Type.Array(PlainText(256, 1), { maxItems: 64 })
})
export type ObjectView = Static<typeof ObjectView>

export const ObjectPage = Type.Object({ objects: Type.Array(ObjectView, { maxItems: LIST_MAX }) })
export type ObjectPage = Static<typeof ObjectPage>

export const ObjectDetail = Type.Object({
  ...ObjectView.properties,
  /** The newest first. */
  versions: Type.Array(VersionView, { maxItems: LIST_MAX }),
  /** The bundle, for those who may read it. */
  source: Type.Optional(Type.String({ maxLength: BUNDLE_BYTES_MAX }))
})
export type ObjectDetail = Static<typeof ObjectDetail>

export const ObjectQuery = Type.Object({
  owner: Type.Optional(TenantName),
  library: Type.Optional(ObjectName),
  kind: Type.Optional(Type.Enum(OBJECT_KINDS)),
  /** A part of the name or the description. */
  search: Type.Optional(PlainText(128, 1)),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIST_MAX, default: 100 }))
})
export type ObjectQuery = Static<typeof ObjectQuery>

export const PublishObject = Type.Object({
  /** Absent: `main`. A library of the caller; it is made where there is none. */
  library: Type.Optional(ObjectName),
  name: ObjectName,
  displayName: Type.Optional(PlainText(128)),
  /** The text of the bundle. */
  bundle: Type.String({ minLength: 2, maxLength: BUNDLE_BYTES_MAX }),
  seal: BundleSeal
})
export type PublishObject = Static<typeof PublishObject>

export const Published = Type.Object({
  object: ObjectView,
  /** False: this version was there before. */
  isNew: Type.Boolean()
})
export type Published = Static<typeof Published>
