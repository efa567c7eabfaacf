/** What gateways ask of registries about objects, and jobs services for bundles. */
import { Type, type Static } from 'typebox'
import { defineMethod, defineStream } from '#shared/rpc/contract.ts'
import { between } from '../peers/parties.ts'
import { chunkCodec } from '../jobs/artifacts.ts'
import { TenantName } from '../jobs/submit.ts'
import { PlainText } from '../plain-text.ts'
import { BundleSeal, BUNDLE_BYTES_MAX, Port, RUNTIMES, Sha256, ObjectRef } from './bundle.ts'
import {
  ExecutionPolicy,
  LibraryView,
  ObjectDetail,
  ObjectPage,
  ObjectQuery,
  PublishObject,
  Published,
  SetGrant,
  SetLibrary
} from './objects.ts'
import { SecretName, SECRETS_OF_ONE_MAX } from './secrets.ts'
import { RunSubject } from './subject.ts'

const FROM_GATEWAYS = between(['gateway'], ['registry'])
const LARGE = { isLarge: true }

/** In whose name; the gateway has found that out. */
const As = { tenant: TenantName }

export const publishObject = defineMethod(
  'registry.publishObject',
  FROM_GATEWAYS,
  Type.Object({ ...As, by: PlainText(128, 1), wish: PublishObject }),
  Published,
  LARGE
)

export const listObjects = defineMethod(
  'registry.listObjects',
  FROM_GATEWAYS,
  Type.Object({ ...As, query: ObjectQuery }),
  ObjectPage
)

export const describeObject = defineMethod(
  'registry.describeObject',
  FROM_GATEWAYS,
  Type.Object({ ...As, ref: ObjectRef, source: Type.Optional(Type.Boolean()) }),
  ObjectDetail
)

/** All that a run of it needs to know; throws FORBIDDEN where the tenant may see and not run it. */
export const RunnableObject = Type.Object({
  subject: RunSubject,
  bytes: Type.Integer({ minimum: 1 }),
  seal: BundleSeal,
  runtime: Type.Optional(Type.Enum(RUNTIMES)),
  /** What is installed for it: workers that have that come first. */
  packages: Type.Optional(Type.String({ pattern: '^[0-9a-f]{32}$' })),
  secrets: Type.Optional(Type.Array(SecretName, { maxItems: SECRETS_OF_ONE_MAX })),
  inputs: Type.Array(Port, { maxItems: 64 }),
  /** Of a pipeline: its bundle, as JSON. */
  pipeline: Type.Optional(Type.String({ maxLength: BUNDLE_BYTES_MAX })),
  policy: ExecutionPolicy
})
export type RunnableObject = Static<typeof RunnableObject>

export const resolveObject = defineMethod(
  'registry.resolveObject',
  FROM_GATEWAYS,
  Type.Object({ ...As, ref: ObjectRef }),
  RunnableObject
)

export const LibraryList = Type.Object({ libraries: Type.Array(LibraryView, { maxItems: 500 }) })
export type LibraryList = Static<typeof LibraryList>

export const listLibraries = defineMethod(
  'registry.listLibraries',
  FROM_GATEWAYS,
  Type.Object(As),
  LibraryList
)

export const setLibrary = defineMethod(
  'registry.setLibrary',
  FROM_GATEWAYS,
  Type.Object({ ...As, wish: SetLibrary }),
  LibraryView
)

export const setGrant = defineMethod(
  'registry.setGrant',
  FROM_GATEWAYS,
  Type.Object({ ...As, wish: SetGrant }),
  LibraryView
)

/** For a run: whether it may run was decided when it began. */
export const readBundle = defineStream(
  'registry.readBundle',
  between(['jobs'], ['registry']),
  Type.Object({ sha256: Sha256 }),
  Type.Unsafe<Uint8Array>(Type.Unknown()),
  Type.Object({}),
  chunkCodec
)
