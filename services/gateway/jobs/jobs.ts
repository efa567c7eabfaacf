/**
 * Jobs through the gateway: it knows who asks, and so whose jobs they are; a jobs service does the
 * rest. Each change leaves its audit, in the chain of the tenant whose job it is.
 */
import {
  findArtifact,
  gatewayArtifact,
  gatewayReadArtifact,
  readArtifact
} from '#shared/contracts/jobs/artifacts.ts'
import {
  gatewayChangeJob,
  gatewayCompileGraph,
  gatewayGetJob,
  gatewayListJobs,
  gatewayListTasks,
  gatewaySubmitJob,
  gatewayWatchJob
} from '#shared/contracts/jobs/callers.ts'
import {
  changeJob,
  getJob,
  listJobs,
  listTasks,
  submitJob,
  watchJob
} from '#shared/contracts/jobs/methods.ts'
import { compileGraph } from '#shared/contracts/jobs/policy-methods.ts'
import type { SubmitJob } from '#shared/contracts/jobs/submit.ts'
import type { JobView } from '#shared/contracts/jobs/views.ts'
import { HaifError } from '#shared/errors.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import type { Router, ServerContext } from '#shared/rpc/router.ts'
import type { Access } from '../access/access.ts'
import { chargedTenant, may, type Principal } from '../access/principal.ts'
import type { AuditEntry } from '../audit/audit.ts'
import { RefusalAudit } from '../audit/refusal-audit.ts'
import { mayAct, type FunctionAct } from '../functions/credentials.ts'
import { isBatchOnly, listedTenant, seenBy, unknownJob } from './whose-jobs.ts'

export interface JobsDeps {
  router: Router
  access: Access
  jobs: () => Pick<PeerPool, 'call' | 'batches'>
}

export function answerJobs(deps: JobsDeps): void {
  const { router, jobs } = deps
  const callers = new JobCallers(deps)
  router
    .respond(gatewaySubmitJob, (wish, context) => submit(deps, callers, wish, context))
    .respond(gatewayCompileGraph, async ({ job }, context) => {
      assertOwnTasks(job)
      const principal = await callers.identify(context, 'job.compile')
      return jobs().call(compileGraph, { ...chargeOf(principal, job), job }, context)
    })
    .respond(gatewayListJobs, async (query, context) => {
      const principal = await callers.identify(context, 'job.list')
      return jobs().call(
        listJobs,
        { ...ofTenant(listedTenant(principal, query.tenant)), query },
        context
      )
    })
    .respond(gatewayGetJob, async ({ jobId }, context) => {
      const principal = await callers.identifyFor(jobId, 'job.read', context)
      return callers.find(jobId, principal, context)
    })
    .respond(gatewayListTasks, async ({ jobId, query }, context) => {
      const tenant = await callers.tenantOf(jobId, 'job.read', context)
      return jobs().call(listTasks, { ...ofTenant(tenant), jobId, query }, context)
    })
    .respond(gatewayChangeJob, async ({ jobId, act }, context) => {
      const principal = await callers.identifyFor(jobId, `job.${act}`, context)
      const { tenant } = await callers.find(jobId, principal, context)
      const changed = await jobs().call(changeJob, { tenant, jobId, act }, context)
      await callers.note(principal, context, {
        chain: tenant,
        action: `job.${act}`,
        target: jobId,
        details: { status: changed.status }
      })
      return changed
    })
    .serve(gatewayWatchJob, async function* ({ jobId, after }, context) {
      const tenant = await callers.tenantOf(jobId, 'job.read', context)
      const wish = { ...ofTenant(tenant), jobId, ...(after === undefined ? {} : { after }) }
      return yield* jobs().batches(watchJob, wish, context)
    })
  answerArtifacts(deps, callers)
}

function answerArtifacts({ router, jobs }: JobsDeps, callers: JobCallers): void {
  router
    .respond(gatewayArtifact, async (of, context) => {
      const tenant = await callers.tenantOf(of.jobId, 'artifact.read', context)
      return jobs().call(findArtifact, { ...ofTenant(tenant), ...of }, context)
    })
    .serve(gatewayReadArtifact, async function* (of, context) {
      const tenant = await callers.tenantOf(of.jobId, 'artifact.read', context)
      return yield* jobs().batches(readArtifact, { ...ofTenant(tenant), ...of }, context)
    })
}

interface Submitted {
  job: SubmitJob
  idempotencyKey?: string
}

async function submit(
  { access, jobs }: JobsDeps,
  callers: JobCallers,
  { job: wished, idempotencyKey }: Submitted,
  context: ServerContext
) {
  assertOwnTasks(wished)
  const principal = await callers.identify(context, 'job.submit')
  const charge = chargeOf(principal, wished)
  const { tenant } = charge
  const tenantLimits = access.limitsOf(tenant)
  const job = isBatchOnly(principal.limits, tenantLimits)
    ? { ...wished, tenant, priority: 'batch' as const }
    : { ...wished, tenant }
  // It counts as one request; the tokens of its tasks count when they are asked for.
  const { leave } = await access.admission.admit({
    principal,
    tenant,
    tenantLimits,
    address: undefined,
    model: job.model,
    promptTokens: 0,
    maxTokens: 1,
    isRest: false
  })
  try {
    const key = idempotencyKey === undefined ? {} : { idempotencyKey }
    const accepted = await jobs().call(submitJob, { ...charge, ...key, job }, context)
    await callers.note(principal, context, {
      chain: tenant,
      action: 'job.submit',
      target: accepted.jobId,
      details: { type: job.type ?? 'chat', priority: job.priority ?? 'standard' }
    })
    return accepted
  } catch (error) {
    await callers.noteDenied(principal, context, tenant, error)
    throw error
  } finally {
    leave(0)
  }
}

/** What a function may run was decided for a run of it; a graph of a caller decides nothing. */
function assertOwnTasks({ tasks = [] }: SubmitJob): void {
  const at = tasks.findIndex(({ type }) => type === 'function')
  if (at === -1) return
  throw new HaifError('VALIDATION_FAILED', 'a function is run by POST /v1/runs', {
    details: { param: `tasks.${at}.type` }
  })
}

function chargeOf(principal: Principal, job: SubmitJob): { tenant: string; tokenId?: string } {
  const tenant = chargedTenant(principal, job.tenant, 'tenant')
  return principal.tokenId === undefined ? { tenant } : { tenant, tokenId: principal.tokenId }
}

const ofTenant = (tenant: string | undefined) => (tenant === undefined ? {} : { tenant })

/** Who asks about jobs, what of them is theirs, and what the audit says of it. */
export class JobCallers {
  readonly #access: Access
  readonly #jobs: JobsDeps['jobs']
  readonly #refusals: RefusalAudit

  constructor({ access, jobs }: Omit<JobsDeps, 'router'>) {
    this.#access = access
    this.#jobs = jobs
    this.#refusals = new RefusalAudit(access)
  }

  async identify(context: ServerContext, action: string): Promise<Principal> {
    const principal = await this.#access.authenticate(context)
    await this.#refusals.assert(principal, 'jobs', action, context.requestId)
    return principal
  }

  /** Whoever may do it with a run may do it with the job that the run is. */
  async identifyFor(jobId: string, action: string, context: ServerContext): Promise<Principal> {
    const principal = await this.#access.authenticate(context)
    const act = action.replace(/^job\./, 'run.').replace('artifact.read', 'run.artifacts')
    if (!may(principal, 'jobs') && mayAct(principal, act as FunctionAct)) {
      const { subject } = await this.find(jobId, principal, context)
      if (subject !== undefined && mayAct(principal, act as FunctionAct, subject)) return principal
    }
    await this.#refusals.assert(principal, 'jobs', action, context.requestId)
    return principal
  }

  /** For what has to do with functions; `of` where it is known by then. */
  async identifyAct(
    act: FunctionAct,
    context: ServerContext,
    of?: Parameters<typeof mayAct>[2]
  ): Promise<Principal> {
    const principal = await this.#access.authenticate(context)
    if (mayAct(principal, act, of)) return principal
    await this.#refusals.assert(principal, 'functions', act, context.requestId)
    throw new HaifError('FORBIDDEN', `this token is not for that: it does not allow ${act}`)
  }

  /** The tenant by which the job is asked for; undefined: by whoever's. */
  async tenantOf(
    jobId: string,
    action: string,
    context: ServerContext
  ): Promise<string | undefined> {
    const principal = await this.identifyFor(jobId, action, context)
    const seen = seenBy(principal)
    if (seen.kind === 'all') return undefined
    if (seen.tenants.length === 1) return seen.tenants[0]
    return (await this.find(jobId, principal, context)).tenant
  }

  /** NOT_FOUND as well when it is somebody else's. */
  async find(jobId: string, principal: Principal, context: ServerContext): Promise<JobView> {
    const seen = seenBy(principal)
    if (seen.kind === 'some' && seen.tenants.length === 1) {
      return this.#jobs().call(getJob, { jobId, tenant: seen.tenants[0] }, context)
    }
    const job = await this.#jobs().call(getJob, { jobId }, context)
    if (seen.kind === 'all' || seen.tenants.includes(job.tenant)) return job
    throw unknownJob(jobId)
  }

  async note(
    { actor }: Principal,
    { requestId }: ServerContext,
    entry: Pick<AuditEntry, 'chain' | 'action' | 'target' | 'details'>
  ): Promise<void> {
    await this.#access.audit?.write({ ...entry, actor, requestId, result: 'ok' })
  }

  /** What a policy has refused is worth a line; what a schema has refused is not. */
  async noteDenied(
    { actor }: Principal,
    { requestId }: ServerContext,
    chain: string,
    error: unknown
  ): Promise<void> {
    if (!(error instanceof HaifError) || error.code !== 'FORBIDDEN') return
    const details = { rule: error.details?.['rule'] ?? '', reason: error.message }
    const entry = { chain, actor, action: 'job.submit', target: '', requestId, details }
    await this.#access.audit?.write({ ...entry, result: 'refused' })
  }
}
