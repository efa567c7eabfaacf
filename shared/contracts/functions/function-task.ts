/** The input of the task `function`, which gateways write and workers read. */
import { Type, type Static } from 'typebox'
import { BUNDLE_BYTES_MAX, BundleSeal, Sha256 } from './bundle.ts'
import { RunOf } from './run-rights.ts'
import { SecretName, SECRETS_OF_ONE_MAX } from './secrets.ts'

const Amount = Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }))

export const FunctionTask = Type.Object({
  bundle: Type.Object({
    sha256: Sha256,
    bytes: Type.Integer({ minimum: 1, maximum: BUNDLE_BYTES_MAX })
  }),
  seal: BundleSeal,
  arguments: Type.Record(Type.String(), Type.Unknown()),
  /** A process may serve several runs that name this; absent: it serves this one. */
  warm: Type.Optional(Type.String({ pattern: '^[0-9a-f]{32}$' })),
  /** Those that it gets as files; the worker asks for their values when it begins. */
  secrets: Type.Optional(Type.Array(SecretName, { maxItems: SECRETS_OF_ONE_MAX })),
  /** For jobs services, which take it out on the way to a worker. */
  of: Type.Optional(RunOf),
  limits: Type.Optional(Type.Object({ memoryBytes: Amount, wallMs: Amount }))
})
export type FunctionTask = Static<typeof FunctionTask>

/** By which a worker asks for the bundle of the run. */
export const bundleUri = (sha256: string): string => `bundle:${sha256}`
