/**
 * A function that runs calls another one: a run like any other of its tenant, with what the token
 * may that its first run came with. It ends with the run that called it.
 */
import {
  gatewayCallFunction,
  type Called,
  type RunOf
} from '#shared/contracts/functions/run-rights.ts'
import type { RunView, StartRun } from '#shared/contracts/functions/runs.ts'
import { changeJob } from '#shared/contracts/jobs/methods.ts'
import type { Behalf } from '#shared/contracts/jobs/on-behalf.ts'
import type { SubmitJob } from '#shared/contracts/jobs/submit.ts'
import { HaifError } from '#shared/errors.ts'
import { createContext } from '#shared/rpc/context.ts'
import type { ServerContext } from '#shared/rpc/router.ts'
import { JobCallers } from '../jobs/jobs.ts'
import { mayAct } from './credentials.ts'
import { resolvedRun, runToEnd, type FunctionsDeps } from './functions.ts'

/** As long as a run may wait; it does not outlive whoever called it. */
const WAIT_MS_MAX = 600_000
const CANCEL_MS_MAX = 5000
/** Left for the answer's way back. */
const BACK_MS = 250

export function answerCalls(deps: FunctionsDeps): void {
  const callers = new JobCallers(deps)
  deps.router.respond(
    gatewayCallFunction,
    async ({ behalf, of, object, arguments: given }, context) =>
      calledOf(
        await call(deps, callers, { behalf, of, run: { object, arguments: given } }, context)
      )
  )
}

async function call(
  deps: FunctionsDeps,
  callers: JobCallers,
  { behalf, of, run }: { behalf: Behalf; of: RunOf; run: StartRun },
  context: ServerContext
): Promise<RunView> {
  const { tenant, tokenId } = behalf
  const principal = await deps.access.onBehalf(tokenId)
  const { job, subject, subjects } = await resolvedRun(deps, { run, tenant }, context)
  const refused = subjects.find((each) => !mayAct(principal, 'run.start', each))
  if (refused !== undefined) {
    const name = `${refused.owner}/${refused.library}/${refused.name}`
    throw new HaifError('FORBIDDEN', `the token of this run is not for ${name}`)
  }
  const charge = tokenId === undefined ? { tenant } : { tenant, tokenId }
  const waitMs = Math.max(1, Math.min(WAIT_MS_MAX, context.remainingMs() - BACK_MS))
  const asked = { ...charge, job: deepened(job, of.depth), subject, waitMs }
  const { owner, library, name, version } = subject
  const details = {
    object: `${owner}/${library}/${name}@${version}`,
    by: `${of.owner}/${of.library}/${of.name}`
  }
  let runId = ''
  const note = async (target: string) => {
    runId = target
    const entry = { chain: tenant, action: 'run.start', target, details }
    await callers.note(principal, context, entry)
  }
  try {
    const view = await runToEnd(deps, asked, note, context)
    if (view.completedAt !== undefined) return view
    throw new HaifError(
      'DEADLINE_EXCEEDED',
      `${run.object} takes longer than the run that called it`
    )
  } catch (error) {
    if (runId !== '') await cancel(deps, tenant, runId)
    throw error
  }
}

/** Nobody waits for it any more. */
async function cancel({ jobs }: FunctionsDeps, tenant: string, jobId: string): Promise<void> {
  using own = createContext({ timeoutMs: CANCEL_MS_MAX })
  await jobs()
    .call(changeJob, { tenant, jobId, act: 'cancel' }, own)
    .catch(() => {}) // it has ended, or the jobs service is away; then its own deadline ends it
}

/** Each function of it stands so deep below the first. */
const deepened = (job: SubmitJob, depth: number): SubmitJob => ({
  ...job,
  tasks: (job.tasks ?? []).map((task) => {
    const { of } = task.input as { of?: RunOf }
    return of === undefined ? task : { ...task, input: { ...task.input, of: { ...of, depth } } }
  })
})

function calledOf({ runId, status, result, resultArtifact, error }: RunView): Called {
  if (resultArtifact !== undefined) {
    const message = 'what it has returned is over 1 MiB: pass it on as an artifact of a pipeline'
    return { runId, status: 'Failed', error: { code: 'BODY_TOO_LARGE', message } }
  }
  return { runId, status, value: result ?? null, ...(error === undefined ? {} : { error }) }
}
