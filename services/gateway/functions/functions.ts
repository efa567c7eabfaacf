/**
 * Functions and pipelines through the gateway: it knows who asks, a registry knows what there is
 * and who may do what with it, and a jobs service runs it.
 */
import { hash } from 'node:crypto'
import {
  gatewayDescribeObject,
  gatewayGetRun,
  gatewayListLibraries,
  gatewayListObjects,
  gatewayListRuns,
  gatewayPublishObject,
  gatewaySetGrant,
  gatewaySetLibrary,
  gatewayStartRun
} from '#shared/contracts/functions/callers.ts'
import {
  describeObject,
  listLibraries,
  listObjects,
  publishObject,
  resolveObject,
  setGrant,
  setLibrary
} from '#shared/contracts/functions/methods.ts'
import {
  gatewayEnvironments,
  gatewayMachines,
  jobsEnvironments,
  jobsMachines
} from '#shared/contracts/functions/environments.ts'
import type { RunView, StartRun } from '#shared/contracts/functions/runs.ts'
import {
  changeJob,
  getJob,
  listJobs,
  listTasks,
  submitAndWait,
  submitJob,
  type SubmitFor
} from '#shared/contracts/jobs/methods.ts'
import { HaifError } from '#shared/errors.ts'
import type { PeerPool } from '#shared/mesh/peer-pool.ts'
import type { RequestContext } from '#shared/rpc/context.ts'
import { itemByItem } from '#shared/rpc/items.ts'
import type { ServerContext } from '#shared/rpc/router.ts'
import { chargedTenant, type Principal } from '../access/principal.ts'
import { JobCallers, type JobsDeps } from '../jobs/jobs.ts'
import { listedTenant } from '../jobs/whose-jobs.ts'
import { mayAct, type FunctionAct } from './credentials.ts'
import { resolvedObject, type ResolvedObject } from './resolved-object.ts'
import { runJob } from './run-job.ts'
import { runView } from './run-view.ts'

export interface FunctionsDeps extends JobsDeps {
  registries: () => Pick<PeerPool, 'call'>
}

const NODES_SHOWN = 1000

export function answerFunctions(deps: FunctionsDeps): void {
  const { router, registries } = deps
  const callers = new JobCallers(deps)
  const identify = (context: ServerContext, act: FunctionAct) => callers.identifyAct(act, context)
  router
    .respond(gatewayPublishObject, async (wish, context) => {
      const principal = await identify(context, 'object.publish')
      const { tenant } = principal
      const asked = { tenant, by: principal.actor, wish }
      const published = await registries().call(publishObject, asked, context)
      const { library, name, version } = published.object
      const details = { version: version.number, sha256: version.sha256 }
      const target = `${tenant}/${library}/${name}`
      await callers.note(principal, context, {
        chain: tenant,
        action: 'object.publish',
        target,
        details
      })
      return published
    })
    .respond(gatewayListObjects, async (query, context) => {
      const principal = await identify(context, 'object.list')
      const { tenant } = principal
      const { objects } = await registries().call(listObjects, { tenant, query }, context)
      return { objects: objects.filter((each) => mayAct(principal, 'object.list', each)) }
    })
    .respond(gatewayDescribeObject, async (wish, context) => {
      const act = wish.source === true ? 'object.source' : 'object.read'
      const { tenant } = await identify(context, act)
      const found = await registries().call(describeObject, { tenant, ...wish }, context)
      await callers.identifyAct(act, context, found)
      return found
    })
    .respond(gatewayListLibraries, async (_, context) => {
      const { tenant } = await identify(context, 'library.list')
      return registries().call(listLibraries, { tenant }, context)
    })
    .respond(gatewaySetLibrary, async (wish, context) => {
      const principal = await identify(context, 'library.set')
      const { tenant } = principal
      const library = await registries().call(setLibrary, { tenant, wish }, context)
      await noteLibrary(callers, principal, context, 'library.set', wish)
      return library
    })
    .respond(gatewaySetGrant, async (wish, context) => {
      const principal = await identify(context, 'library.grant')
      const { tenant } = principal
      const library = await registries().call(setGrant, { tenant, wish }, context)
      await noteLibrary(callers, principal, context, 'library.grant', wish)
      return library
    })
  answerRuns(deps, callers)
  answerMachines(deps, callers)
}

async function noteLibrary(
  callers: JobCallers,
  principal: Principal,
  context: ServerContext,
  action: FunctionAct,
  wish: { library: string }
): Promise<void> {
  const { library, ...details } = wish
  const { tenant: chain } = principal
  await callers.note(principal, context, { chain, action, target: `${chain}/${library}`, details })
}

function answerMachines({ router, jobs }: FunctionsDeps, callers: JobCallers): void {
  router
    .respond(gatewayMachines, async (_, context) => {
      await callers.identifyAct('machine.list', context)
      return jobs().call(jobsMachines, {}, context)
    })
    .respond(gatewayEnvironments, async (query, context) => {
      await callers.identifyAct('machine.list', context)
      return jobs().call(jobsEnvironments, query, context)
    })
}

function answerRuns(deps: FunctionsDeps, callers: JobCallers): void {
  const { router, jobs } = deps
  router
    .respond(gatewayStartRun, ({ run, idempotencyKey }, context) =>
      startRun(deps, callers, { run, idempotencyKey }, context)
    )
    .respond(gatewayListRuns, async (query, context) => {
      const principal = await callers.identifyAct('run.list', context)
      const tenant = listedTenant(principal, undefined)
      const asked = { ...(tenant === undefined ? {} : { tenant }), query: { ...query, runs: true } }
      const { jobs: found, nextCursor } = await jobs().call(listJobs, asked, context)
      const runs = found
        .filter(({ subject }) => mayAct(principal, 'run.list', subject))
        .map((job) => runView(job, []))
      return { runs, ...(nextCursor === undefined ? {} : { nextCursor }) }
    })
    .respond(gatewayGetRun, async ({ runId }, context) => {
      const principal = await callers.identifyAct('run.read', context)
      const job = await callers.find(runId, principal, context)
      if (job.subject === undefined) throw new HaifError('NOT_FOUND', `there is no run ${runId}`)
      await callers.identifyAct('run.read', context, job.subject)
      return readRun(deps, { tenant: job.tenant, runId }, context)
    })
}

interface Wanted {
  run: StartRun
  idempotencyKey: string | undefined
}

async function startRun(
  deps: FunctionsDeps,
  callers: JobCallers,
  { run, idempotencyKey }: Wanted,
  context: ServerContext
): Promise<RunView> {
  const { jobs } = deps
  const principal = await callers.identifyAct('run.start', context)
  const tenant = chargedTenant(principal, run.tenant, 'tenant')
  const { job, subject, subjects } = await resolvedRun(deps, { run, tenant }, context)
  for (const each of subjects) await callers.identifyAct('run.start', context, each)
  const { tokenId } = principal
  const charge = tokenId === undefined ? { tenant } : { tenant, tokenId }
  const fingerprint = hash('sha256', JSON.stringify(run), 'base64url')
  const key = idempotencyKey === undefined ? {} : { idempotencyKey, fingerprint }
  const asked = { ...charge, ...key, job, subject }
  const { owner, library, name, version } = subject
  const details = { object: `${owner}/${library}/${name}@${version}` }
  const note = (target: string) =>
    callers.note(principal, context, { chain: tenant, action: 'run.start', target, details })
  const { waitMs = 0 } = run
  if (waitMs > 0) return runToEnd(deps, { ...asked, waitMs }, note, context)
  const { jobId: runId } = await jobs().call(submitJob, asked, context)
  await note(runId)
  return readRun(deps, { tenant, runId }, context)
}

/** `subjects`: what it runs, and what the nodes of a pipeline run; a token must be for all. */
export async function resolvedRun(
  { registries }: Pick<FunctionsDeps, 'registries'>,
  { run, tenant }: { run: StartRun; tenant: string },
  context: RequestContext
) {
  const resolve = async (ref: string) =>
    resolvedObject(await registries().call(resolveObject, { tenant, ref }, context))
  const object = await resolve(run.object)
  const objects = await objectsBelow(object, resolve)
  const { job, subject } = runJob(object, objects, { run, tenant })
  // A pipeline is no way around the bounds of a token: `machine` is where the run as a whole is
  // sent, and its nodes may have places of their own.
  return { job, subject, subjects: [subject, ...[...objects.values()].map((each) => each.subject)] }
}

/** Of one pipeline and those in it. */
const OBJECTS_MAX = 500

/** All that its nodes name, and what those name, by their references. */
async function objectsBelow(
  { pipeline }: ResolvedObject,
  resolve: (ref: string) => Promise<ResolvedObject>
): Promise<Map<string, ResolvedObject>> {
  const found = new Map<string, ResolvedObject>()
  const waiting = pipeline === undefined ? [] : [pipeline]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const node of next.nodes) {
      if (node.kind !== 'object' || found.has(node.object)) continue
      if (found.size === OBJECTS_MAX) {
        throw new HaifError('VALIDATION_FAILED', `a pipeline names over ${OBJECTS_MAX} objects`)
      }
      const object = await resolve(node.object)
      found.set(node.object, object)
      if (object.pipeline !== undefined) waiting.push(object.pipeline)
    }
  }
  return found
}

interface NamedRun {
  tenant: string
  runId: string
}

/**
 * Returns when the run has ended, or after `waitMs`; then one that may not wait is canceled. It is
 * noted while it runs.
 */
export async function runToEnd(
  { jobs }: Pick<FunctionsDeps, 'jobs'>,
  asked: SubmitFor & { waitMs: number },
  note: (runId: string) => Promise<void>,
  context: RequestContext
): Promise<RunView> {
  const stream = itemByItem(jobs().batches(submitAndWait, asked, context))
  let noted = Promise.resolve()
  for (;;) {
    const { done, value } = await stream.next()
    if (done !== true) {
      noted = note(value.jobId)
      noted.catch(() => {}) // it is thrown at the end
      continue
    }
    await noted
    const { job, tasks } = value
    if (job.status === 'Queued' && asked.subject?.offlinePolicy === 'wait') {
      const { tenant } = asked
      await jobs().call(changeJob, { tenant, jobId: job.jobId, act: 'cancel' }, context)
      return readRun({ jobs }, { tenant, runId: job.jobId }, context)
    }
    return runView(job, tasks)
  }
}

async function readRun(
  { jobs }: Pick<FunctionsDeps, 'jobs'>,
  { tenant, runId: jobId }: NamedRun,
  context: RequestContext
): Promise<RunView> {
  const [job, { tasks }] = await Promise.all([
    jobs().call(getJob, { tenant, jobId }, context),
    jobs().call(listTasks, { tenant, jobId, query: { limit: NODES_SHOWN } }, context)
  ])
  return runView(job, tasks)
}
