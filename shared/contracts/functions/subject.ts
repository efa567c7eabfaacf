/** What a run runs, as its job has it. */
import { Type, type Static } from 'typebox'
import { TenantName } from '../jobs/submit.ts'
import { PlainText } from '../plain-text.ts'
import { ObjectName, Sha256 } from './bundle.ts'
import { OBJECT_KINDS } from './objects.ts'

/** What to do when the machine that is to run it is away. */
export const OFFLINE_POLICIES = ['queue', 'wait', 'fail_fast'] as const
export type OfflinePolicy = (typeof OFFLINE_POLICIES)[number]

/** Written down with the run: `latest` means one version then, and that one for good. */
export const RunSubject = Type.Object({
  kind: Type.Enum(OBJECT_KINDS),
  owner: TenantName,
  library: ObjectName,
  name: ObjectName,
  version: Type.Integer({ minimum: 1 }),
  sha256: Sha256,
  /** Of a pipeline: the task whose value is the result. */
  output: Type.Optional(PlainText(80, 1)),
  /** Where it is to run; absent: wherever there is a place. */
  machine: Type.Optional(PlainText(128, 1)),
  offlinePolicy: Type.Optional(Type.Enum(OFFLINE_POLICIES))
})
export type RunSubject = Static<typeof RunSubject>
