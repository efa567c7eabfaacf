/**
 * The machines where functions run, and the environments of packages that are built there. Each
 * worker says what it has; operators have one built again or removed.
 */
import { Type, type Static } from 'typebox'
import { defineMethod } from '#shared/rpc/contract.ts'
import { PeerKey } from '../peers/links.ts'
import { between, FROM_CALLERS, FROM_JOBS } from '../peers/parties.ts'
import { PlainText } from '../plain-text.ts'
import { TaskOffer } from '../jobs/task-run.ts'
import { RUNTIMES } from './bundle.ts'

const ENVIRONMENTS_MAX = 256
const MACHINES_MAX = 1000
const RUNTIMES_MAX = 32
const Amount = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })

/** Of a folder: packages, runtime, platform. */
export const ENVIRONMENT_KEY_PATTERN = '^[0-9a-f]{64}$'
const EnvironmentKey = Type.String({ pattern: ENVIRONMENT_KEY_PATTERN })

export const BuiltEnvironment = Type.Object({
  key: EnvironmentKey,
  bytes: Amount,
  usedAt: Amount,
  /** Absent: an older version has built it. */
  packages: Type.Optional(Type.String({ pattern: '^[0-9a-f]{32}$' })),
  runtime: Type.Optional(Type.Enum(RUNTIMES)),
  version: Type.Optional(PlainText(16, 1)),
  dependencies: Type.Optional(Type.Array(PlainText(256, 1), { maxItems: 64 })),
  builtAt: Type.Optional(Amount),
  buildMs: Type.Optional(Amount)
})
export type BuiltEnvironment = Static<typeof BuiltEnvironment>

const Runtime = Type.Object({
  name: Type.Enum(RUNTIMES),
  version: PlainText(16, 1),
  path: PlainText(512, 1)
})

export const OwnEnvironments = Type.Object({
  environments: Type.Array(BuiltEnvironment, { maxItems: ENVIRONMENTS_MAX }),
  runtimes: Type.Array(Runtime, { maxItems: RUNTIMES_MAX })
})
export type OwnEnvironments = Static<typeof OwnEnvironments>

export const workerEnvironments = defineMethod(
  'worker.environments',
  FROM_JOBS,
  Type.Object({}),
  OwnEnvironments
)

/** A worker that takes tasks, as it is now. */
const { environments: _, ...offered } = TaskOffer.properties
export const MachineView = Type.Object({
  id: PeerKey,
  name: Type.Optional(PlainText(128, 1)),
  ...offered,
  /** It runs functions. */
  functions: Type.Boolean(),
  running: Amount,
  /** Environments that are built there. */
  environments: Amount
})
export type MachineView = Static<typeof MachineView>
export const MachineList = Type.Object({
  machines: Type.Array(MachineView, { maxItems: MACHINES_MAX })
})

const FROM_GATEWAYS = between(['gateway'], ['jobs'])
export const jobsMachines = defineMethod(
  'jobs.machines',
  FROM_GATEWAYS,
  Type.Object({}),
  MachineList
)

/** Of one machine, by its name or key, or of all. */
export const EnvironmentsQuery = Type.Object({ machine: Type.Optional(PlainText(128, 1)) })
export const MachineEnvironments = Type.Object({
  machines: Type.Array(
    Type.Object({
      id: PeerKey,
      name: Type.Optional(PlainText(128, 1)),
      ...OwnEnvironments.properties,
      /** It did not answer, for this reason. */
      error: Type.Optional(PlainText(512))
    }),
    { maxItems: MACHINES_MAX }
  )
})
export type MachineEnvironments = Static<typeof MachineEnvironments>

export const jobsEnvironments = defineMethod(
  'jobs.environments',
  FROM_GATEWAYS,
  EnvironmentsQuery,
  MachineEnvironments
)

export const gatewayMachines = defineMethod(
  'gateway.machines',
  FROM_CALLERS,
  Type.Object({}),
  MachineList
)
export const gatewayEnvironments = defineMethod(
  'gateway.environments',
  FROM_CALLERS,
  EnvironmentsQuery,
  MachineEnvironments
)

/** An operator's: `remove` deletes it, `rebuild` makes it anew and then puts it in its place. */
export const EnvironmentAct = Type.Object({
  action: Type.Enum(['remove', 'rebuild']),
  key: EnvironmentKey
})
export type EnvironmentAct = Static<typeof EnvironmentAct>

export const gatewayOrderEnvironment = defineMethod(
  'gateway.orderEnvironment',
  FROM_CALLERS,
  Type.Object({ machine: PlainText(128, 1), ...EnvironmentAct.properties }),
  Type.Object({ machine: PeerKey, ...EnvironmentAct.properties })
)
