/**
 * What a function may ask for while it runs: the secrets that it names, and calls of other
 * functions. The worker names its run, and learns neither tenant nor token; the jobs service that
 * gave it the run knows them, and asks a gateway, which decides.
 */
import { Type, type Static } from 'typebox'
import { defineMethod } from '#shared/rpc/contract.ts'
import { Behalf } from '../jobs/on-behalf.ts'
import { TenantName } from '../jobs/submit.ts'
import { RunTask } from '../jobs/task-run.ts'
import { JobState } from '../jobs/views.ts'
import { between } from '../peers/parties.ts'
import { PlainText } from '../plain-text.ts'
import { ObjectName, ObjectRef } from './bundle.ts'
import { SecretName, SECRETS_OF_ONE_MAX } from './secrets.ts'

/** A function that calls one that calls one …: so many, and the first. */
export const CALL_DEPTH_MAX = 8
const SECRET_CHARACTERS_MAX = 16_384

/** The function of a run, as a gateway has written it down for the jobs service alone. */
export const RunOf = Type.Object({
  owner: TenantName,
  library: ObjectName,
  name: ObjectName,
  /** How many runs have led to it. */
  depth: Type.Integer({ minimum: 0, maximum: CALL_DEPTH_MAX })
})
export type RunOf = Static<typeof RunOf>

const Names = Type.Array(SecretName, { maxItems: SECRETS_OF_ONE_MAX })
const OpenedSecrets = Type.Object({
  secrets: Type.Array(
    Type.Object({ name: SecretName, value: Type.String({ maxLength: SECRET_CHARACTERS_MAX }) }),
    { maxItems: SECRETS_OF_ONE_MAX }
  )
})
export type OpenedSecrets = Static<typeof OpenedSecrets>

const CalledFunction = {
  object: ObjectRef,
  arguments: Type.Record(PlainText(64, 1), Type.Unknown(), { maxProperties: 64 })
}
export const CallFunction = Type.Object(CalledFunction)
export type CallFunction = Static<typeof CallFunction>

const Called = Type.Object({
  runId: PlainText(128, 1),
  status: JobState,
  value: Type.Optional(Type.Unknown()),
  error: Type.Optional(Type.Object({ code: PlainText(64, 1), message: PlainText(2048) }))
})
export type Called = Static<typeof Called>

const { run } = RunTask.properties
const FROM_WORKERS = between(['worker'], ['jobs'])
const FROM_JOBS_SERVICES = between(['jobs'], ['gateway'])
const LARGE = { isLarge: true }

export const jobsOpenSecrets = defineMethod(
  'jobs.openSecrets',
  FROM_WORKERS,
  Type.Object({ run }),
  OpenedSecrets
)
export const jobsCallFunction = defineMethod(
  'jobs.callFunction',
  FROM_WORKERS,
  Type.Object({ run, ...CalledFunction }),
  Called,
  LARGE
)
export const gatewayOpenSecrets = defineMethod(
  'gateway.openSecrets',
  FROM_JOBS_SERVICES,
  Type.Object({ tenant: Behalf.properties.tenant, of: RunOf, names: Names }),
  OpenedSecrets
)
export const gatewayCallFunction = defineMethod(
  'gateway.callFunction',
  FROM_JOBS_SERVICES,
  Type.Object({ behalf: Behalf, of: RunOf, ...CalledFunction }),
  Called,
  LARGE
)
