/** Bodies as HTTP has them: those of the console's own contracts, and those that are older. */
import type { EVENT_BODIES, EventKind } from '#shared/contracts/http/admin/events.ts'
import type { Me } from '#shared/contracts/http/admin/me.ts'
import type { PeerView } from '#shared/contracts/http/admin/mesh.ts'
import type { ModelViewList } from '#shared/contracts/http/admin/models.ts'
import type { QueueView } from '#shared/contracts/http/admin/queue.ts'
import type {
  RequestDetail,
  RequestList,
  RequestRow
} from '#shared/contracts/http/admin/requests.ts'
import type { Snaked } from '#shared/contracts/http/admin/snaked.ts'
import type { WorkerList, WorkerView } from '#shared/contracts/http/admin/workers.ts'
import type { Static } from 'typebox'

export type EventBodies = {
  [Kind in EventKind]: Snaked<Static<(typeof EVENT_BODIES)[Kind]>>
}
export type MeBody = Snaked<Me>
export type PeerBody = Snaked<PeerView>
export type WorkerBody = Snaked<WorkerView>
export type WorkerListBody = Snaked<WorkerList>
export type ModelListBody = Snaked<ModelViewList>
export type ModelBody = ModelListBody['models'][number]
export type QueueBody = Snaked<QueueView>
export type RequestRowBody = Snaked<RequestRow>
export type RequestListBody = Snaked<RequestList>
export type RequestDetailBody = Snaked<RequestDetail>

export interface LimitsBody {
  requests_per_second?: number
  requests_per_minute?: number
  tokens_per_minute?: number
  concurrent?: number
  tokens_per_day?: number
  tokens_per_month?: number
  models?: string[]
  context_tokens?: number
  output_tokens?: number
  priority?: 'interactive' | 'batch'
  weight?: number
}

/** How much of one limit is used now. */
export interface LimitUseBody {
  limit: string
  of?: 'token' | 'tenant'
  max: number
  used: number
  left: number
  resets_in_ms?: number
}

export interface TokenBody {
  id: string
  kind: string
  tenant: string
  scopes: string[]
  name?: string
  hint: string
  limits: LimitsBody
  created_at: number
  expires_at?: number
  revoked_at?: number
  last_used_at?: number
  use?: LimitUseBody[] | undefined
}

export interface TenantBody {
  id: string
  limits: LimitsBody
  created_at: number
  tokens: number
  use?: LimitUseBody[] | undefined
}

export interface UsageRowBody {
  key: string
  requests: number
  errors: number
  stopped?: number
  prompt_tokens: number
  cached_prompt_tokens: number
  completion_tokens: number
}

export interface AuditEventBody {
  chain: string
  seq: number
  at: number
  actor: string
  action: string
  target: string
  result: 'ok' | 'refused'
  request_id: string
  details: Record<string, unknown>
}

export interface AuditReportBody {
  events: number
  chains: number
  problems: { chain: string; seq: number; problem: string }[]
}

type StateOfJob =
  | 'Queued'
  | 'Assigned'
  | 'Running'
  | 'Completed'
  | 'Failed'
  | 'Canceled'
  | 'Archived'

export interface JobBody {
  job_id: string
  type: string
  status: StateOfJob
  message?: string
  tenant: string
  priority: string
  model?: string
  error?: { code: string; message: string; task_id?: string }
  tasks: {
    total: number
    queued: number
    running: number
    completed: number
    failed: number
    canceled: number
  }
  usage: { total_tokens: number }
  created_at: string
  started_at?: string
  completed_at?: string
}

export interface TaskBody {
  task_id: string
  type: string
  status: StateOfJob
  dependencies: string[]
  attempt: number
  max_attempts: number
  worker_id?: string
  waiting_for?: string
  progress?: number
  model?: string
  error?: string
  error_code?: string
  started_at?: string
  completed_at?: string
}

/** Something that goes into a function or comes out of it. */
export interface PortBody {
  name: string
  /** As its language writes it; absent: anything. */
  type?: string
  optional?: boolean
  default?: unknown
}

interface VersionBody {
  number: number
  sha256: string
  publisher: string
  created_at: string
}

export interface ObjectBody {
  owner: string
  library: string
  name: string
  kind: 'function' | 'pipeline'
  display_name?: string
  version: VersionBody
  runtime?: string
  signature: { inputs: PortBody[]; outputs: PortBody[] }
  description?: string
  dependencies: string[]
}

export interface ObjectDetailBody extends ObjectBody {
  versions: VersionBody[]
  /** The bundle, as JSON. */
  source?: string
}

export interface LibraryBody {
  owner: string
  library: string
  visibility: 'private' | 'mesh'
  policy: { machine?: string; machines?: string[]; warm?: boolean }
  grants?: { to: string; scopes: string[] }[]
  objects: number
}

export interface RunNodeBody {
  node: string
  type: string
  status: StateOfJob
  machine?: string
  attempt: number
  waiting_for?: string
  error?: string
  error_code?: string
  stdout?: string
  stderr?: string
  artifacts: { name: string; path: string; bytes: number; sha256: string }[]
  started_at?: string
  completed_at?: string
}

export interface RunBody {
  run_id: string
  subject: {
    kind: 'function' | 'pipeline'
    owner: string
    library: string
    name: string
    version: number
    machine?: string
  }
  status: StateOfJob
  message?: string
  error?: { code: string; message: string }
  result?: unknown
  result_artifact?: string
  nodes: RunNodeBody[]
  usage: { total_tokens: number }
  created_at: string
  started_at?: string
  completed_at?: string
}

export interface DeadLetterBody {
  job_id: string
  task_id: string
  type: string
  tenant: string
  reason: string
  message: string
  attempts: number
  last_worker?: string
  dead_at: string
}

export interface PolicyBody {
  version: number
  yaml: string
  set_by?: string
  set_at?: string
}
