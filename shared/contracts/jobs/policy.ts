/**
 * The policy of a mesh: which jobs and tasks are allowed, where, how many at a time, and with which
 * model. People write it as YAML; the first rule that matches decides.
 */
import { Type, type Static } from 'typebox'
import { ModelName } from '../inference/model-name.ts'
import { PlainText } from '../plain-text.ts'
import { JobId } from './submit.ts'

const RULES_MAX = 500
export const POLICY_BYTES_MAX = 262_144
const VALUES_MAX = 100
const QUOTAS_MAX = 1000
const FALLBACKS_MAX = 8
const COUNT_MAX = 1_000_000

/** A value, `!value`, a pattern with `*`, or a list of those, of which one must fit. */
const Match = Type.Optional(
  Type.Union([PlainText(256, 1), Type.Array(PlainText(256, 1), { maxItems: VALUES_MAX })])
)

/** What is left out matches everything. Names as in a policy file. */
export const PolicyMatch = Type.Object({
  tenant: Match,
  job_type: Match,
  task_type: Match,
  model: Match,
  policy: Match,
  data_classification: Match,
  priority: Match,
  network_isolation: Match,
  worker_locality: Match,
  requires_gpu: Type.Optional(Type.Boolean())
})
export type PolicyMatch = Static<typeof PolicyMatch>

export const PolicyEffect = Type.Enum(['allow', 'deny'])
export type PolicyEffect = Static<typeof PolicyEffect>

const PolicyRule = Type.Object({
  /** Unless given, its place: `rule 1`. */
  name: Type.Optional(PlainText(128, 1)),
  /** Unless given, `deny`. */
  effect: Type.Optional(PolicyEffect),
  reason: Type.Optional(PlainText(256, 1)),
  match: Type.Optional(PolicyMatch)
})

const Count = Type.Optional(Type.Integer({ minimum: 0, maximum: COUNT_MAX }))
export const TenantQuota = Type.Object({
  max_running_jobs: Count,
  max_running_tasks: Count,
  /** Its share of places that several tenants want; 1 unless given. */
  weight: Type.Optional(Type.Number({ minimum: 0.01, maximum: 100 })),
  /** Of all its artifacts together. */
  max_artifact_bytes: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
  /** How long they are kept. */
  artifact_days: Type.Optional(Type.Integer({ minimum: 1, maximum: 36_500 })),
  /** How long a job is kept after its end, with all that belongs to it. */
  job_days: Type.Optional(Type.Integer({ minimum: 1, maximum: 36_500 }))
})
export type TenantQuota = Static<typeof TenantQuota>

const ModelRoute = Type.Object({
  name: Type.Optional(PlainText(128, 1)),
  latency_class: Match,
  reasoning_required: Type.Optional(Type.Boolean()),
  data_classification: Match,
  use_model: ModelName,
  /** Taken in order where no worker holds the one before. */
  fallback: Type.Optional(Type.Array(ModelName, { maxItems: FALLBACKS_MAX }))
})

export const PolicyDocument = Type.Object({
  default_action: Type.Optional(PolicyEffect),
  rules: Type.Optional(Type.Array(PolicyRule, { maxItems: RULES_MAX })),
  /** By tenant; `*` stands for each tenant that has none of its own. */
  tenant_quotas: Type.Optional(
    Type.Record(PlainText(64, 1), TenantQuota, { maxProperties: QUOTAS_MAX })
  ),
  model_routes: Type.Optional(Type.Array(ModelRoute, { maxItems: RULES_MAX })),
  default_model: Type.Optional(ModelName)
})
export type PolicyDocument = Static<typeof PolicyDocument>

/** `yaml` is what a person wrote, with the comments. */
export const SetPolicy = Type.Object({
  yaml: Type.String({ minLength: 1, maxLength: POLICY_BYTES_MAX }),
  /** Refused when another version is the newest. */
  ifVersion: Type.Optional(Type.Integer({ minimum: 0, maximum: COUNT_MAX })),
  dryRun: Type.Optional(Type.Boolean())
})
export type SetPolicy = Static<typeof SetPolicy>

export const PolicyVersion = Type.Object({
  /** 0 as long as nobody has set one. */
  version: Type.Integer({ minimum: 0 }),
  yaml: Type.String({ maxLength: POLICY_BYTES_MAX }),
  document: PolicyDocument,
  setBy: Type.Optional(PlainText(128)),
  setAt: Type.Optional(Type.Integer({ minimum: 0 }))
})
export type PolicyVersion = Static<typeof PolicyVersion>

export const GetPolicy = Type.Object({
  version: Type.Optional(Type.Integer({ minimum: 1, maximum: COUNT_MAX }))
})
export type GetPolicy = Static<typeof GetPolicy>

export const PolicyDecision = Type.Object({
  /** `submit`, or a task's id, with the worker in question if there is one. */
  what: PlainText(256),
  worker: Type.Optional(PlainText(128)),
  allowed: Type.Boolean(),
  /** The name of the rule, `default_action`, or `tenant_quotas.<tenant>`. */
  rule: PlainText(160),
  reason: PlainText(512)
})
export type PolicyDecision = Static<typeof PolicyDecision>

export const ExplainPolicy = Type.Object({ jobId: JobId })
export const PolicyExplanation = Type.Object({
  jobId: JobId,
  tenant: PlainText(128, 1),
  version: Type.Integer({ minimum: 0 }),
  decisions: Type.Array(PolicyDecision, { maxItems: 5000 }),
  route: Type.Optional(
    Type.Object({
      rule: PlainText(160),
      model: Type.Optional(ModelName),
      fallback: Type.Optional(Type.Array(ModelName, { maxItems: FALLBACKS_MAX }))
    })
  )
})
export type PolicyExplanation = Static<typeof PolicyExplanation>
